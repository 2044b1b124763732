"""The parts of forms about a person: their passwords and their time zone."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimeZone, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.time_zones import is_time_zone
from altus4_desktop.ui.strength import Strength, is_too_long, password_strength
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets.basic import Label
from altus4_desktop.ui.widgets.forms import FormRow, PasswordField


class StrengthMeter(QWidget):
    """How strong a password is, as a bar and a word; ``of_passphrase``: it may have any length."""

    def __init__(self, *, of_passphrase: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_limited = not of_passphrase
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        self._bar = QProgressBar()
        self._bar.setRange(0, int(Strength.STRONG))
        self._bar.setAccessibleName(
            self.tr("Passphrase strength") if of_passphrase else self.tr("Password strength")
        )
        self._bar.setFixedWidth(140)
        self._word = Label("", "caption", wrap=True)
        row.addWidget(self._bar)
        row.addWidget(self._word, 1)
        self.rate("")

    @Slot(str)
    def rate(self, password_secret: str) -> None:
        """Show how strong it is."""
        strength = password_strength(password_secret)
        words = {
            Strength.EMPTY: self.tr("A few plain words make a good one"),
            Strength.WEAK: self.tr("Weak"),
            Strength.FAIR: self.tr("Fair"),
            Strength.GOOD: self.tr("Good"),
            Strength.STRONG: self.tr("Strong"),
        }
        too_long = self._is_limited and is_too_long(password_secret)
        self._bar.setValue(int(strength))
        self._word.setText(
            self.tr("Too long: at most 72 bytes are read") if too_long else words[strength]
        )
        self._word.set_role("error" if too_long else "caption")


class PasswordForm(QWidget):
    """The password one has, another one, and that once more; ``returned``: Enter in any of them.

    ``rows`` are named as the service names what it refuses.
    """

    returned = Signal()

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current = PasswordField(name=f"{name}.current", label=self.tr("Current password"))
        self._new = PasswordField(name=f"{name}.new", label=self.tr("New password"))
        self._again = PasswordField(name=f"{name}.again", label=self.tr("New password once more"))
        self._again_row = FormRow(self.tr("Once more"), self._again)
        self.rows = {
            "password": FormRow(self.tr("Current password"), self._current),
            "new_password": FormRow(self.tr("New password"), self._new),
        }
        self._meter = StrengthMeter()
        self._new.textChanged.connect(self._meter.rate)
        self._new.textChanged.connect(self._again_row.clear_error)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        for part in (self.rows["password"], self.rows["new_password"], self._meter):
            column.addWidget(part)
        column.addWidget(self._again_row)
        for field in (self._current, self._new, self._again):
            field.returnPressed.connect(self.returned)

    @property
    def password_secret(self) -> str:
        """The password one has."""
        return self._current.text()

    @property
    def new_secret(self) -> str:
        """The password one wants."""
        return self._new.text()

    def fill_current(self, password_secret: str) -> None:
        """Do not ask for what has been entered just before; empty: ask."""
        self._current.setText(password_secret)
        self.rows["password"].setHidden(bool(password_secret))

    def focus_first(self) -> None:
        """Begin with what is asked for first."""
        hidden = self.rows["password"].isHidden()
        (self._new if hidden else self._current).setFocus()

    def check(self) -> bool:
        """Say what is missing beside its field; true when nothing is."""
        for row, field, text in (
            (self.rows["password"], self._current, self.tr("Enter the password you have.")),
            (self.rows["new_password"], self._new, self.tr("Enter a new password.")),
        ):
            if not field.text():
                self._complain(row, field, text)
                return False
        if self._again.text() != self._new.text():
            self._complain(self._again_row, self._again, self.tr("The two passwords differ."))
            return False
        return True

    def ask_again(self) -> None:
        """The password one has was not the right one: ask for it, whatever was known before."""
        self.rows["password"].show()
        self._current.setFocus()
        self._current.selectAll()

    def forget(self) -> None:
        """Empty every field."""
        for field in (self._current, self._new, self._again):
            field.forget()

    def _complain(self, row: FormRow, field: QLineEdit, text: str) -> None:
        row.show_error(text)
        field.setFocus()
        field.selectAll()


class ZoneBox(QComboBox):
    """A time zone, found by any part of its name; it begins with the computer's own."""

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        known = [bytes(zone.data()).decode() for zone in QTimeZone.availableTimeZoneIds()]
        # Qt has some of its own, as UTC+05:30, that nobody else knows.
        zones = [zone for zone in known if is_time_zone(zone)]
        self.addItems(zones)
        completer = self.completer()
        if completer is not None:
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
        own = bytes(QTimeZone.systemTimeZoneId().data()).decode()
        self.setCurrentText(own if own in zones else "UTC")

    @property
    def zone(self) -> str:
        """What was entered; the service says whether it is a zone."""
        return self.currentText().strip()
