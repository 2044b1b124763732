"""The hits of one view and their grades: the strip beside a hit, the keys of the list, undo."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.query_sets import GRADES, QuerySet
from altus4_desktop.domain.searching import SearchHit
from altus4_desktop.services.row_names import row_name
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.controller import SearchState
from altus4_desktop.ui.panes.search.grades import grade_text
from altus4_desktop.ui.panes.search.judging import (
    JudgingBook,
    NewSetDialog,
    Verdict,
)
from altus4_desktop.ui.panes.search.results import ResultsView
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Divider, IconButton, InlineMessage, Label

_MOST_UNDONE = 200
_NAME_LENGTH = 60
_STATE_WIDTH = 120


class JudgeStrip(QWidget):
    """Which set is judged into, and the grade of the hit above.

    ``judged`` carries a grade or None; ``set_chosen`` the id of a set; ``set_wanted``: a new one.
    """

    judged = Signal(object)
    set_chosen = Signal(str)
    set_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.judging")
        self.setAccessibleName(self.tr("Judging"))
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.L, 0, Space.L, Space.M)
        column.setSpacing(Space.XS)
        column.addWidget(Divider())
        self.message = InlineMessage(name="search.judging.message")
        column.addWidget(self.message)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        self.sets = QComboBox()
        self.sets.setObjectName("search.judging.set")
        self.sets.setAccessibleName(self.tr("Judging into"))
        self.sets.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.sets.setMinimumContentsLength(8)
        self.sets.activated.connect(self._choose)
        head.addWidget(Label(self.tr("Judging into:"), "caption"))
        head.addWidget(self.sets, 1)
        column.addLayout(head)
        column.addLayout(self._build_grades())

    def _build_grades(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.XS)
        frame = QFrame()
        frame.setProperty("surface", "segments")
        inner = QHBoxLayout(frame)
        inner.setContentsMargins(2, 2, 2, 2)
        inner.setSpacing(2)
        self.grades: list[Button] = []
        for grade in GRADES:
            button = Button(str(grade), "segment", name=f"search.judging.grade.{grade}")
            button.setCheckable(True)
            button.setAccessibleName(f"{grade}: {grade_text(grade)}")
            button.setToolTip(
                self.tr("{grade} (key {key})").format(grade=grade_text(grade), key=grade)
            )
            button.clicked.connect(self._press)
            inner.addWidget(button)
            self.grades.append(button)
        row.addWidget(frame)
        self.state = ElidedLabel(role="caption")
        self.state.setObjectName("search.judging.state")
        row.addWidget(self.state, 1)
        self.withdraw = IconButton(
            "close", self.tr("Withdraw the grade"), name="search.judging.withdraw", size=16
        )
        self.withdraw.setToolTip(self.tr("Withdraw the grade (Delete)"))
        self.withdraw.clicked.connect(self._withdraw)
        row.addWidget(self.withdraw)
        return row

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words where there is room for them."""
        super().resizeEvent(event)
        self._fit_words()

    def _fit_words(self) -> None:
        words = [f"{grade} {grade_text(grade)}" for grade in GRADES]
        first = self.grades[0]
        measure = first.fontMetrics().horizontalAdvance
        padding = first.sizeHint().width() - measure(first.text())
        needed = sum(measure(text) + padding for text in words)
        room = self.width() - 2 * Space.L - self.withdraw.sizeHint().width() - _STATE_WIDTH
        for grade, button in enumerate(self.grades):
            text = words[grade] if needed <= room else str(grade)
            if button.text() != text:
                button.setText(text)

    def show_sets(self, book: JudgingBook) -> None:
        """Offer the sets that there are."""
        self.sets.clear()
        for one in book.sets:
            name = one_line(one.draft.name)
            shown = name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
            self.sets.addItem(shown, one.id)
        if not book.sets:
            self.sets.addItem(
                self.tr("No set yet") if book.is_read else self.tr("Reading your sets…"), ""
            )
        self.sets.addItem(self.tr("New set…"), None)
        chosen = book.chosen
        self.sets.setCurrentIndex(max(0, self.sets.findData(chosen.id if chosen else "")))
        self.sets.setToolTip(plain_tool_tip(chosen.draft.name) if chosen else "")

    def show_grade(self, grade: int | None, *, problem: str, count: int, is_ready: bool) -> None:
        """Draw the grade of the hit above; ``problem`` says why it can have none, ``count`` how
        many rows of the query have one."""
        for number, button in enumerate(self.grades):
            button.setChecked(number == grade)
            button.setEnabled(is_ready and not problem)
        self.withdraw.setEnabled(is_ready and grade is not None)
        if problem:
            text = problem
        elif not is_ready:
            text = self.tr("No hit selected")
        else:
            said = self.tr("Not judged") if grade is None else grade_text(grade)
            text = self.tr("{grade}  ·  {count} judged").format(grade=said, count=count)
        self.state.setText(text)

    @Slot()
    def _press(self) -> None:
        button = self.sender()
        if isinstance(button, Button):
            self.judged.emit(self.grades.index(button))

    @Slot()
    def _withdraw(self) -> None:
        self.judged.emit(None)

    @Slot(int)
    def _choose(self, place: int) -> None:
        set_id = self.sets.itemData(place)
        if set_id is None:
            self.set_wanted.emit()
        elif set_id:
            self.set_chosen.emit(set_id)


class HitJudge(QObject):
    """Judges the hits of one view into the set of ``book``."""

    def __init__(self, session: Session, results: ResultsView, book: JudgingBook) -> None:
        super().__init__(results)
        self._session = session
        self._results = results
        self._book = book
        self._query = ""
        self._about: tuple[str, str] | None = None
        self._kept: dict[str, int] = {}
        self._count = 0
        self._done: list[Verdict] = []
        self._asked: int | None = None
        self._has_asked = False
        self.strip = JudgeStrip()
        results.put_below_detail(self.strip)
        self._loading = LatestTask(session.runner, Lane.METADATA, self)
        self._loading.succeeded.connect(self._take_grades)
        self._loading.failed.connect(self._tell)
        self._menu = self._build_menu()
        results.hit_menu.addMenu(self._menu)
        self._undo_key = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), results)
        self._undo_key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._undo_key.activated.connect(self.undo)
        book.changed.connect(self._follow)
        book.failed.connect(self._tell)
        book.written.connect(self._take_written)
        book.refused.connect(self._take_refused)
        self.strip.judged.connect(self._judge_here)
        self.strip.set_chosen.connect(book.choose)
        self.strip.set_wanted.connect(self._make_set)
        results.list.grade_wanted.connect(self._judge_and_go_on)
        results.list.selectionModel().currentChanged.connect(self._draw_current)
        results.hits.modelReset.connect(self._draw_current)
        self._follow()

    def _build_menu(self) -> QMenu:
        menu = QMenu(self.tr("Judge"), self._results)
        menu.setObjectName("search.judging.menu")
        for grade in GRADES:
            action = QAction(grade_text(grade), menu)
            self._show_key(action, str(grade))
            action.setData(grade)
            action.triggered.connect(self._judge_by_menu)
            menu.addAction(action)
        menu.addSeparator()
        withdraw = QAction(self.tr("Withdraw the grade"), menu)
        self._show_key(withdraw, "Del")
        withdraw.triggered.connect(self._judge_by_menu)
        menu.addAction(withdraw)
        return menu

    @staticmethod
    def _show_key(action: QAction, keys: str) -> None:
        action.setShortcut(QKeySequence(keys))
        # Shown in the menu only: the list reads the key.
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)

    @Slot(object)
    def take_state(self, state: SearchState) -> None:
        """Follow the query that was searched."""
        query = state.request.query.strip() if state.request is not None else ""
        if query != self._query:
            self._query = query
            self._turn()

    @Slot()
    def refresh(self) -> None:
        """Read again what others may have judged."""
        self._book.read()
        self._load()

    @Slot()
    def undo(self) -> None:
        """Take the last verdict back, and go to its hit."""
        if not self._done:
            self._session.announced.emit(self.tr("There is no grade to take back."))
            return
        verdict = self._done.pop().as_undone()
        self._book.write(verdict)
        row = self._results.hits.find(verdict.hit)
        if row >= 0 and verdict.about == self._about:
            self._results.pick(row)
        self._draw()
        self._session.announced.emit(self.tr("The last grade is taken back."))

    def close(self) -> None:
        """Hear nothing more."""
        self._loading.drop()

    # What is judged

    @property
    def _hit(self) -> SearchHit | None:
        return self._results.current_hit()

    def _grades(self) -> Mapping[str, int]:
        """What is kept, and over it what is still being written."""
        grades = dict(self._kept)
        for verdict in self._book.waiting:
            if verdict.about == self._about:
                _put(grades, verdict)
        return grades

    @Slot(object)
    def _judge_here(self, grade: int | None) -> None:
        self._judge(grade)

    @Slot()
    def _judge_by_menu(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._judge(action.data())

    @Slot(object)
    def _judge_and_go_on(self, grade: int | None) -> None:
        if self._judge(grade) and grade is not None:
            self._results.pick_next()

    def _judge(self, grade: int | None) -> bool:
        """Give the current hit a grade; false when that cannot be now."""
        hit = self._hit
        if hit is None or not self._book.is_on:
            return False
        name, problem = _name_of(hit)
        if problem:
            self._session.announced.emit(problem)
            return False
        if self._about is None:
            if not self._book.is_read:
                self._session.announced.emit(self.tr("Your query sets are still being read."))
            elif grade is not None:
                self._asked, self._has_asked = grade, True
                self._make_set()
            return False
        before = self._grades().get(name)
        if grade != before:
            verdict = Verdict(*self._about, hit, name, grade, before)
            self._done.append(verdict)
            del self._done[:-_MOST_UNDONE]
            self.strip.message.clear()
            self._book.write(verdict)
        self._draw()
        return True

    @Slot()
    def _make_set(self) -> None:
        dialog = NewSetDialog(self._session, self._results.window())
        dialog.made.connect(self._take_set)
        dialog.rejected.connect(self._forget_asked)
        dialog.open()
        # The list shows the choice that is in force until there is another.
        self.strip.show_sets(self._book)

    @Slot(object)
    def _take_set(self, made: QuerySet) -> None:
        self._book.take_made(made)
        if self._has_asked:
            self._judge(self._asked)
        self._forget_asked()

    @Slot()
    def _forget_asked(self) -> None:
        self._asked, self._has_asked = None, False

    # What is known

    @Slot()
    def _follow(self) -> None:
        on = self._book.is_on
        self.strip.setVisible(on)
        self._undo_key.setEnabled(on)
        self._menu.menuAction().setVisible(on)
        self._results.list.is_judging = on
        self.strip.show_sets(self._book)
        self._turn()

    def _turn(self) -> None:
        """Look at the grades of another set or query."""
        chosen = self._book.chosen
        about = (chosen.id, self._query) if self._book.is_on and chosen and self._query else None
        if about != self._about:
            self._about = about
            self._kept = {}
            self._load()
        self._draw()

    def _load(self) -> None:
        if self._about is None:
            self._loading.drop()
            return
        service, actor = self._session.services.query_sets, self._session.actor
        (set_id, query), count = self._about, self._count

        def work(_: TaskContext) -> tuple[int, Mapping[str, int]]:
            return count, service.grades_(actor, set_id, query)

        self._loading.start(work)

    @Slot(object)
    def _take_grades(self, found: tuple[int, Mapping[str, int]]) -> None:
        count, grades = found
        if count != self._count:
            # Something was written while they were read.
            self._load()
            return
        self._kept = dict(grades)
        self._draw()

    @Slot(object)
    def _take_written(self, verdict: Verdict) -> None:
        if verdict.about == self._about:
            self._count += 1
            _put(self._kept, verdict)
            self._draw()

    @Slot(object, object)
    def _take_refused(self, verdict: Verdict, error: object) -> None:
        if verdict in self._done:
            self._done.remove(verdict)
        if verdict.about == self._about:
            self._tell(error)
            # The strip may be hidden with the details.
            self._session.announced.emit(self.tr("A grade could not be kept and is as before."))
            self._draw()

    @Slot(object)
    def _tell(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.strip.message.show_error(error)
        elif isinstance(error, BaseException):
            self._session.report_crash(error)

    def _draw(self) -> None:
        grades = self._grades() if self._book.is_on else {}
        self._results.hits.set_grades(grades)
        self._draw_current()

    @Slot()
    def _draw_current(self) -> None:
        if not self._book.is_on:
            return
        hit = self._hit
        name, problem = ("", "") if hit is None else _name_of(hit)
        grades = self._grades()
        self.strip.show_grade(
            grades.get(name), problem=problem, count=len(grades), is_ready=hit is not None
        )


def _put(grades: dict[str, int], verdict: Verdict) -> None:
    if verdict.grade is None:
        grades.pop(verdict.name, None)
    else:
        grades[verdict.name] = verdict.grade


def _name_of(hit: SearchHit) -> tuple[str, str]:
    """What the row is called, and why it cannot be judged."""
    try:
        return row_name(hit), ""
    except InputError as error:
        return "", error.message
