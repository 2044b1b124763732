"""What is asked before the schema of the store is changed: what happens, what is lost, who else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.revisions import LossReport, Revision, VisitorReport
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, Label

_WIDTH = 560


@dataclass(frozen=True)
class Outlook:
    """What is known before anybody agrees; ``loss`` is None on the way up."""

    revisions: tuple[Revision, ...]
    loss: LossReport | None
    visitors: VisitorReport
    can_copy: bool
    is_shared: bool


class ChangeDialog(Dialog):
    """Asks before revisions are applied or undone; ``without_copy`` is what was agreed to."""

    def __init__(self, outlook: Outlook, parent: QWidget | None = None) -> None:
        super().__init__("", name="store.change", parent=parent)
        self._outlook = outlook
        undoes = outlook.loss is not None
        count = len(outlook.revisions)
        title = self._title(count, undoes=undoes)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._head = head = QHBoxLayout()
        head.setSpacing(Space.L)
        picture = Icon("warning" if undoes else "layers", 28, "danger" if undoes else "accent")
        head.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(Space.S)
        texts.addWidget(Label(title, "title", wrap=True))
        texts.addWidget(Label(self._explanation(undoes=undoes), "muted", wrap=True))
        head.addLayout(texts, 1)
        self.body.addLayout(head)
        self._content = QVBoxLayout()
        self._content.setContentsMargins(0, 0, Space.S, 0)
        self._content.setSpacing(Space.M)
        self.body.addWidget(self._scrolled(), 1)
        self._agreed: list[QCheckBox] = []
        # What has to be agreed to comes first: in a small window the rest is scrolled to.
        if outlook.loss is not None:
            self._add_loss(outlook.loss)
        self._add_copy()
        self._add_visitors(outlook.visitors)
        self._add_steps()
        self._content.addStretch(1)
        self._add_buttons(undoes=undoes)
        self._allow()
        # By itself a dialog takes no more than two thirds of the screen.
        self.resize(self.sizeHint())

    @property
    def without_copy(self) -> bool:
        """Whether to go ahead although no copy can be made."""
        return not self._outlook.can_copy

    def sizeHint(self) -> QSize:
        """As tall as what it says, as far as the window allows."""
        behind = self.parentWidget()
        room = behind.window().height() - 40 if behind is not None else 720
        inner = _WIDTH - 2 * Space.XL - Space.L
        wanted = self._content.totalHeightForWidth(inner) + self._frame_height()
        return QSize(_WIDTH, max(300, min(wanted, room)))

    def _frame_height(self) -> int:
        """Everything around what can be scrolled."""
        heights = (
            self._head.totalHeightForWidth(_WIDTH - 2 * Space.XL),
            self.buttons.sizeHint().height(),
        )
        return sum(heights) + 3 * Space.XL + Space.L + Space.M

    def _scrolled(self) -> QScrollArea:
        self._holder = QWidget()
        self._holder.setLayout(self._content)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._holder)
        return scroll

    def _title(self, count: int, *, undoes: bool) -> str:
        if undoes:
            return (
                self.tr("Undo one revision?")
                if count == 1
                else self.tr("Undo {count} revisions?").format(count=count)
            )
        return (
            self.tr("Apply one revision?")
            if count == 1
            else self.tr("Apply {count} revisions?").format(count=count)
        )

    def _explanation(self, *, undoes: bool) -> str:
        if undoes:
            text = self.tr(
                "Until the store is upgraded again, nothing but this pane works: this program "
                "needs all of its revisions."
            )
            if self._outlook.is_shared:
                return text
            return f"{text} {self.tr('It does so by itself when it is started the next time.')}"
        if self._outlook.is_shared:
            return self.tr(
                "Everybody who uses this store is concerned; older versions of Altus may not be "
                "able to use it afterwards."
            )
        return self.tr("The store is brought to where this program needs it.")

    def _add_steps(self) -> None:
        lines = [f"{revision.id[:4]}  {revision.title}" for revision in self._outlook.revisions]
        steps = Label("\n".join(lines), "mono", wrap=True, selectable=True)
        steps.setObjectName("store.change.steps")
        self._add_section(self.tr("Steps, in this order"), steps)

    def _add_loss(self, loss: LossReport) -> None:
        if not loss.items:
            self._add_line("check", "success", self.tr("Nothing that is kept is lost."))
            return
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(Space.XL)
        grid.setVerticalSpacing(Space.XS)
        grid.setColumnStretch(0, 1)
        for line, item in enumerate(loss.items):
            name = f"{item.table} · {item.column}" if item.column else item.table
            unit = self.tr("values") if item.column else self.tr("rows")
            if item.count == 1:
                unit = self.tr("value") if item.column else self.tr("row")
            grid.addWidget(Label(name, "mono", selectable=True), line, 0)
            number = Label(f"{item.count:,} {unit}")
            number.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(number, line, 1)
        rows.setObjectName("store.change.loss")
        self._add_section(self.tr("This is lost"), rows)
        self._add_consent(self.tr("I know that this is lost"), "store.change.agree_loss")

    def _add_visitors(self, report: VisitorReport) -> None:
        others = report.others
        if others:
            names = sorted(
                {_name(visitor.account, visitor.host, visitor.program) for visitor in others}
            )
            text = (
                self.tr("Somebody else has the store open: {names}.")
                if len(others) == 1
                else self.tr("{count} others have the store open: {names}.")
            )
            self._add_line(
                "users", "warning", text.format(count=len(others), names=", ".join(names))
            )
        elif report.complete:
            self._add_line("check", "success", self.tr("Nobody else has the store open."))
        if not report.complete:
            self._add_line("info", "muted", report.reason)

    def _add_copy(self) -> None:
        if self._outlook.can_copy:
            text = self.tr("A copy is made and checked first, in the data folder under “backups”.")
            self._add_line("shield", "success", text)
            return
        self._add_line(
            "warning",
            "warning",
            self.tr(
                "No copy can be made first: no dump program (mysqldump or mariadb-dump) was found "
                "that can be used with this server."
            ),
        )
        self._add_consent(self.tr("Go ahead without a copy"), "store.change.agree_no_copy")

    def _add_buttons(self, *, undoes: bool) -> None:
        cancel = Button(self.tr("Cancel"), name="store.change.cancel")
        action = self.tr("Undo") if undoes else self.tr("Apply")
        self._accept = Button(action, "danger" if undoes else "primary", name="store.change.accept")
        cancel.clicked.connect(self.reject)
        self._accept.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self._accept)
        safe = cancel if undoes or self._agreed else self._accept
        safe.setDefault(True)
        safe.setFocus()

    def _add_section(self, title: str, content: QWidget) -> None:
        self._content.addWidget(Label(title, "section"))
        card = Card(surface="well", margin=Space.M)
        card.body.addWidget(content)
        self._content.addWidget(card)

    def _add_line(self, icon_name: str, role: str, text: str) -> None:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(Icon(icon_name, 16, role), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(Label(text, wrap=True), 1)
        self._content.addLayout(row)

    def _add_consent(self, text: str, name: str) -> None:
        box = QCheckBox(text)
        box.setObjectName(name)
        box.setAccessibleName(text)
        box.toggled.connect(self._allow)
        self._agreed.append(box)
        self._content.addWidget(box)

    @Slot()
    def _allow(self) -> None:
        self._accept.setEnabled(all(box.isChecked() for box in self._agreed))


def ask(outlook: Outlook, parent: QWidget) -> tuple[bool, bool]:
    """Whether to go ahead, and whether without a copy."""
    dialog = ChangeDialog(outlook, parent)
    accepted = dialog.exec() == Dialog.DialogCode.Accepted
    without_copy = dialog.without_copy
    dialog.deleteLater()
    return accepted, without_copy


def names_of(revisions: Sequence[Revision]) -> str:
    """The numbers of revisions, for a sentence."""
    return ", ".join(revision.id[:4] for revision in revisions)


def _name(account: str, host: str, program: str) -> str:
    return f"{account}@{host}" if account else program
