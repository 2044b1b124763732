"""What is asked before a key is made, changed, replaced or revoked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QWidget

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.keys import GRACES_S, ApiKey, KeyDraft
from altus4_desktop.services.key_making import grace_end, same_life
from altus4_desktop.ui.dialogs import Dialog, show_blocking_error
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.keys.form import KeyForm
from altus4_desktop.ui.panes.keys.model import StoreClock
from altus4_desktop.ui.panes.keys.wording import grace_words, last_used_words, named
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import full
from altus4_desktop.ui.widgets import Button, Card, Icon, InlineMessage, Label, Segments
from altus4_desktop.ui.widgets.basic import ButtonKind

_WIDTH = 560


class KeyActionDialog(Dialog):
    """Stays open until what was asked for has been done: `set_busy` while it is being done,
    `accept` afterwards, or one of the ``show_…error`` methods."""

    def __init__(
        self, title: str, action: str, *, name: str, danger: bool, parent: QWidget
    ) -> None:
        super().__init__(title, name=name, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.message = InlineMessage(name=f"{name}.message")
        self.cancel_button = Button(self.tr("Cancel"), name=f"{name}.cancel")
        self.cancel_button.clicked.connect(self.reject)
        kind: ButtonKind = "danger" if danger else "primary"
        self.accept_button = Button(action, kind, name=f"{name}.accept")
        self._is_busy = False

    @property
    def is_busy(self) -> bool:
        """Whether it is being done."""
        return self._is_busy

    def set_busy(self, *, busy: bool) -> None:
        """It is being done, or was not."""
        self._is_busy = busy
        self._allow()

    def show_field_error(self, error: InputError) -> bool:
        """There are no fields."""
        del error
        return False

    def show_error(self, error: AltusError) -> None:
        """Show it in the dialog."""
        self.message.show_error(error)

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in the way."""
        show_blocking_error(self, error)

    def _allow(self) -> None:
        self.accept_button.setEnabled(not self._is_busy)

    def _add_buttons(self) -> None:
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.accept_button)


class KeyDialog(KeyActionDialog):
    """Makes a key, or changes one; ``wanted`` carries what has been chosen."""

    wanted = Signal(object)

    def __init__(self, key: ApiKey | None, *, is_admin: bool, parent: QWidget) -> None:
        editing = key is not None
        title = parent.tr("Edit the key") if editing else parent.tr("Create an API key")
        action = parent.tr("Save") if editing else parent.tr("Create")
        super().__init__(title, action, name="keys.dialog", danger=False, parent=parent)
        self.key = key
        self.form = KeyForm(key, is_admin=is_admin)
        self.accept_button.clicked.connect(self._ask)
        self.accept_button.setDefault(True)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.form)
        self._area = area
        self.body.addWidget(Label(title, "title"))
        self.body.addWidget(area, 1)
        self.body.addWidget(self.message)
        self._add_buttons()
        self.resize(self.sizeHint())
        self.form.name.setFocus()

    def sizeHint(self) -> QSize:
        """Tall enough for every field, as far as the window allows."""
        behind = self.parentWidget()
        room = behind.window().height() - 40 if behind is not None else 720
        return QSize(_WIDTH, min(700, room))

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside the field it names, if there is one."""
        row = self.form.fields.get(error.field)
        if row is None:
            return False
        row.show_error(" ".join(filter(None, (error_message(error), error_hint(error)))))
        self._area.ensureWidgetVisible(row, 0, Space.XL)
        row.field.setFocus()
        return True

    @Slot()
    def _ask(self) -> None:
        if self.is_busy:
            return
        self.message.clear()
        try:
            draft: KeyDraft = self.form.draft()
        except InputError as error:
            self.show_field_error(error)
            return
        self.set_busy(busy=True)
        self.wanted.emit(draft)


class RotateDialog(KeyActionDialog):
    """Replaces a key; ``wanted`` carries for how many seconds the old one goes on."""

    wanted = Signal(int)

    def __init__(self, key: ApiKey, clock: StoreClock, parent: QWidget) -> None:
        title = parent.tr("Rotate the key?")
        action = parent.tr("Rotate")
        super().__init__(title, action, name="keys.rotation", danger=False, parent=parent)
        self.key = key
        self._clock = clock
        self.grace = Segments(
            [(grace, grace_words(grace)) for grace in GRACES_S],
            name="keys.grace",
            label=self.tr("The old key works for"),
        )
        self.grace.set_key("24h")
        self.grace.chosen.connect(self._explain)
        self.accept_button.clicked.connect(self._ask)
        self.accept_button.setDefault(True)
        self.body.addWidget(Label(title, "title"))
        self.body.addWidget(
            Label(
                self.tr(
                    "A new key takes over, with the same name, permissions and limit. Its text is "
                    "shown once."
                ),
                "muted",
                wrap=True,
            )
        )
        self.body.addWidget(Label(self.tr("The old key ends"), "strong"))
        self.body.addWidget(self.grace)
        sides = QHBoxLayout()
        sides.setSpacing(Space.M)
        self.old_ends = self._add_side(sides, self.tr("Old key"), key.prefix, "keys.rotation.old")
        beginning = f"altus4_sk_{key.environment.value}_…"
        self.new_ends = self._add_side(sides, self.tr("New key"), beginning, "keys.rotation.new")
        self.body.addLayout(sides)
        self.body.addWidget(self.message)
        self.body.addStretch(1)
        self._add_buttons()
        self._explain()
        self.resize(_WIDTH, 330)

    def _add_side(self, sides: QHBoxLayout, title: str, beginning: str, name: str) -> Label:
        card = Card(surface="well", margin=Space.M, spacing=Space.XS)
        card.body.addWidget(Label(title, "section"))
        card.body.addWidget(ElidedLabel(beginning, "mono", Qt.TextElideMode.ElideLeft))
        ends = Label("", wrap=True)
        ends.setObjectName(name)
        card.body.addWidget(ends)
        sides.addWidget(card, 1)
        return ends

    @Slot()
    def _explain(self) -> None:
        now, key = self._clock.now(), self.key
        old_end, new_end = grace_end(key, now, GRACES_S[self.grace.key]), same_life(key, now)
        if old_end is None:
            self.old_ends.setText(self.tr("Works no more, from now on"))
        else:
            self.old_ends.setText(self.tr("Works until {instant}").format(instant=full(old_end)))
        if new_end is None:
            self.new_ends.setText(self.tr("Never expires"))
        else:
            self.new_ends.setText(self.tr("Works until {instant}").format(instant=full(new_end)))

    @Slot()
    def _ask(self) -> None:
        if not self.is_busy:
            self.message.clear()
            self.set_busy(busy=True)
            self.wanted.emit(GRACES_S[self.grace.key])


class RevokeDialog(KeyActionDialog):
    """Asks before keys are revoked; for those ``in_use`` their names have to be typed.

    ``wanted`` carries the ids and the names typed.
    """

    wanted = Signal(object, object)

    def __init__(
        self, keys: Sequence[ApiKey], in_use: Sequence[ApiKey], clock: StoreClock, parent: QWidget
    ) -> None:
        one = len(keys) == 1
        title = (
            parent.tr("Revoke “{name}”?").format(name=named(keys[0]))
            if one
            else parent.tr("Revoke {count} keys?").format(count=len(keys))
        )
        action = parent.tr("Revoke") if one else parent.tr("Revoke all")
        super().__init__(title, action, name="keys.revocation", danger=True, parent=parent)
        self._keys = tuple(keys)
        self._in_use = tuple(in_use)
        self.names: dict[str, QLineEdit] = {}
        self._lay_out(title, clock, one=one)
        self.accept_button.clicked.connect(self._ask)
        self.cancel_button.setDefault(True)
        self._allow()
        self.resize(_WIDTH, self.sizeHint().height())
        next(iter(self.names.values()), self.cancel_button).setFocus()

    def _lay_out(self, title: str, clock: StoreClock, *, one: bool) -> None:
        head = QHBoxLayout()
        head.setSpacing(Space.L)
        head.addWidget(Icon("warning", 28, "danger"), 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(Label(title, "title", wrap=True), 1)
        self.body.addLayout(head)
        text = (
            self.tr("Whatever uses it is refused from now on. This cannot be undone.")
            if one
            else self.tr("Whatever uses them is refused from now on. This cannot be undone.")
        )
        self.body.addWidget(Label(text, "muted", wrap=True))
        if self._in_use:
            asked = (
                self.tr("It was used within the last seven days. Type its name to revoke it.")
                if one
                else self.tr(
                    "{count} of them were used within the last seven days. Type the name of each "
                    "to revoke it."
                ).format(count=len(self._in_use))
            )
            self.body.addWidget(Label(asked, "strong", wrap=True))
            self.body.addWidget(self._build_names(clock), 1)
        self.body.addWidget(self.message)
        if not self._in_use:
            self.body.addStretch(1)
        self.idle_button = Button(self.tr("Revoke only the others"), name="keys.revocation.idle")
        self.idle_button.clicked.connect(self._ask_for_idle)
        self.idle_button.setVisible(0 < len(self._in_use) < len(self._keys))
        self.buttons.addWidget(self.idle_button)
        self._add_buttons()

    def _build_names(self, clock: StoreClock) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, Space.S, 0)
        grid.setHorizontalSpacing(Space.M)
        grid.setVerticalSpacing(Space.S)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        now = clock.now()
        for key in self._in_use:
            if key.name in self.names:
                continue
            line = len(self.names)
            field = QLineEdit()
            field.setObjectName(f"keys.revocation.name{line + 1}")
            field.setAccessibleName(self.tr("Type “{name}”").format(name=key.name))
            field.textChanged.connect(self._allow)
            self.names[key.name] = field
            texts = Card(surface="well", margin=Space.S, spacing=0)
            texts.body.addWidget(ElidedLabel(key.name, "strong"))
            used = self.tr("Used {when}").format(when=last_used_words(key, now))
            texts.body.addWidget(ElidedLabel(used, "caption"))
            grid.addWidget(texts, line, 0)
            grid.addWidget(field, line, 1)
        grid.setRowStretch(len(self.names), 1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(holder)
        scroll.setMinimumHeight(min(holder.sizeHint().height(), 220))
        return scroll

    @Slot()
    def _allow(self) -> None:
        typed = all(field.text().strip() == name for name, field in self.names.items())
        self.accept_button.setEnabled(typed and not self.is_busy)
        self.idle_button.setEnabled(not self.is_busy)

    @Slot()
    def _ask(self) -> None:
        self._want(self._keys, tuple(self.names))

    @Slot()
    def _ask_for_idle(self) -> None:
        in_use = {key.id for key in self._in_use}
        self._want([key for key in self._keys if key.id not in in_use], ())

    def _want(self, keys: Sequence[ApiKey], names: tuple[str, ...]) -> None:
        if not self.is_busy:
            self.message.clear()
            self.set_busy(busy=True)
            self.wanted.emit(tuple(key.id for key in keys), names)
