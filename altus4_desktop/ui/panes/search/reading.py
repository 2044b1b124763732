"""What is known of a query before it runs: its words as the sources see them, and its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from altus4_desktop.domain.query_reading import (
    Finding,
    QueryReading,
    QuickFix,
    Severity,
    WordReading,
    WordState,
)
from altus4_desktop.domain.searching import SearchRequest, SourceRef
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.marks import severity_rank
from altus4_desktop.ui.panes.search.wording import source_text
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Icon

_PAUSE_MS = 60
_MOST_CHIPS = 5
_SUMMARY_WIDTH = 180
_MOST_LINES = 6
_LEAST_LINES = 3
_LOW_WINDOW = 640
_MOST_SOURCES = 4
_WORD_LENGTH = 24
_MOST_LISTED = 6
_MOST_TOLD = 12
_CODE_SIGNS = "+#&@/\\*$%=<>|~^"
_ICONS = {
    Severity.ERROR: ("error", "danger"),
    Severity.WARNING: ("warning", "warning"),
    Severity.HINT: ("info", "muted"),
}


class QueryReader(QObject):
    """Reads the query anew a moment after it was changed; only the newest reading is told."""

    reading_ready = Signal(object)

    def __init__(
        self, session: Session, request: Callable[[], SearchRequest], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._request = request
        self._task = LatestTask(session.runner, Lane.METADATA, self)
        self._task.succeeded.connect(self.reading_ready)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._read)

    @Slot()
    def note_change(self) -> None:
        """The query, or what it searches, is not as it was."""
        self._pause.start()

    def close(self) -> None:
        """Nothing is read any more."""
        self._pause.stop()
        self._task.drop()

    @Slot()
    def _read(self) -> None:
        request = self._request()
        if not request.query.strip():
            self._task.drop()
            self.reading_ready.emit(None)
            return
        service, actor = self._session.services.search, self._session.actor

        def work(_: TaskContext) -> QueryReading:
            return service.read_query(actor, request)

        self._task.start(work)


class QueryNotes(QWidget):
    """The line of words and the line of findings; ``fix_chosen`` carries a `QuickFix`."""

    fix_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.reading")
        self.words = _WordLine(self)
        self.findings = _FindingLines(self)
        self.are_findings_hidden = False
        self._reading: QueryReading | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        column.addWidget(self.words)
        column.addWidget(self.findings)
        self.words.fix_chosen.connect(self.fix_chosen)
        self.findings.fix_chosen.connect(self.fix_chosen)
        self.hide()

    def show_reading(self, reading: QueryReading | None) -> None:
        """Say what there is to say, or nothing."""
        self.words.show_words(reading)
        self.findings.show_findings(reading)
        self._reading = reading
        self._show()

    def first_fix(self, text: str) -> QuickFix | None:
        """What repairs the gravest fault of ``text``, if that has been read."""
        if self._reading is None or self._reading.text.strip() != text.strip():
            return None
        faults = [it for it in self._reading.findings if it.severity is Severity.ERROR]
        return next((fault.fixes[0] for fault in faults if fault.fixes), None)

    def hide_findings(self, *, hidden: bool) -> None:
        """Leave out the findings while something else tells of them."""
        self.are_findings_hidden = hidden
        self._show()

    def _show(self) -> None:
        if self.are_findings_hidden:
            self.findings.hide()
        else:
            self.findings.setVisible(self.findings.has_something)
        self.setVisible(not self.words.isHidden() or not self.findings.isHidden())


class _WordLine(QWidget):
    """A chip for each word that spoils the result, and a quiet line about the others."""

    fix_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.words")
        self._chips: list[QWidget] = []
        self._reading: QueryReading | None = None
        self._ill: tuple[WordReading, ...] = ()
        self.summary = ElidedLabel(role="caption")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(Space.S)
        self.row.addWidget(self.summary, 1)

    def show_words(self, reading: QueryReading | None) -> None:
        """Say what becomes of the words, or nothing when every one is looked up as typed."""
        self._reading = reading
        self._ill = () if reading is None else spoiling_words(reading)
        words = () if reading is None else reading.words
        self.setVisible(not all(word.is_well for word in words))
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many chips as there is room for."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() and self._ill:
            self._draw()

    def _draw(self) -> None:
        for chip in self._chips:
            self.row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = []
        reading = self._reading
        if reading is None:
            return
        seen = self if self.isVisible() else self.window()
        room = seen.width() - _SUMMARY_WIDTH
        for place, word in enumerate(self._ill[:_MOST_CHIPS]):
            made = _WordChip(word, self)
            room -= made.sizeHint().width() + Space.S
            if place and room < 0:
                made.deleteLater()
                break
            made.fix_chosen.connect(self.fix_chosen)
            self.row.insertWidget(place, made)
            self._chips.append(made)
        self.summary.setText(self._summary(reading))
        told = [
            f"{word.text}: {_told(answer.reason, answer.sources)}"
            for word in reading.words[:_MOST_TOLD]
            for answer in word.answers
            if answer.state is not WordState.INDEXED
        ]
        self.summary.setToolTip(plain_tool_tip("\n".join([self.summary.text(), *told])))

    def _summary(self, reading: QueryReading) -> str:
        if len(self._ill) > len(self._chips):
            return self.tr("and {number} more").format(number=len(self._ill) - len(self._chips))
        told = {word.start for word in self._ill}
        looked_up = []
        left_out: dict[WordState, list[str]] = {}
        for word in reading.words:
            if word.start in told:
                continue
            if is_looked_up(word):
                looked_up.append(_short_word(word))
            else:
                left_out.setdefault(word.answers[0].state, []).append(_short_word(word))
        parts = []
        if looked_up:
            parts.append(self.tr("Looked up: {words}").format(words=self._listed(looked_up)))
        if left_out:
            groups = [
                f"{self._listed(words)} ({self._state_text(state, len(words))})"
                for state, words in left_out.items()
            ]
            parts.append(self.tr("Not: {words}").format(words=", ".join(groups)))
        return ". ".join(parts)

    def _listed(self, words: Sequence[str]) -> str:
        text = ", ".join(words[:_MOST_LISTED])
        if len(words) > _MOST_LISTED:
            text += self.tr(" and {number} more").format(number=len(words) - _MOST_LISTED)
        return text

    def _state_text(self, state: WordState, count: int) -> str:
        if state is WordState.STOP_WORD:
            return self.tr("stop words") if count > 1 else self.tr("stop word")
        return self.tr("too short")


def is_looked_up(word: WordReading) -> bool:
    """Whether some source looks up the word or a part of it."""
    return any(a.state in (WordState.INDEXED, WordState.SPLIT) for a in word.answers)


def spoiling_words(reading: QueryReading) -> tuple[WordReading, ...]:
    """The words without which the result is not what was asked for.

    Stop words and short words of a question are none: nobody misses them. They are when nothing
    else is looked up, when the boolean language asks for them or against them, and when they were
    surely meant, as “C++” is.
    """
    ill = tuple(word for word in reading.words if not word.is_well)
    if not any(is_looked_up(word) for word in reading.words):
        return ill
    return tuple(word for word in ill if _spoils(word, reading))


def _spoils(word: WordReading, reading: QueryReading) -> bool:
    states = {answer.state for answer in word.answers}
    if states & {WordState.NEEDS_NGRAM, WordState.TOO_LONG}:
        return True
    # Only the boolean language has spans.
    if reading.spans:
        signed = reading.text[word.start : word.start + 1] in ("+", "-")
        return signed or WordState.SPLIT in states
    return not is_looked_up(word) and _is_code(word.text)


def _is_code(text: str) -> bool:
    if any(sign in text for sign in _CODE_SIGNS):
        return True
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


class _WordChip(Button):
    """A word, what becomes of it, and a menu with the repairs."""

    fix_chosen = Signal(object)

    def __init__(self, word: WordReading, parent: QWidget | None = None) -> None:
        ill = next(a for a in word.answers if a.state is not WordState.INDEXED)
        super().__init__("", name="search.word", parent=parent)
        shown = _short_word(word)
        state = {
            WordState.SPLIT: self.tr("split"),
            WordState.STOP_WORD: self.tr("stop word"),
            WordState.TOO_SHORT: self.tr("too short"),
            WordState.TOO_LONG: self.tr("too long"),
            WordState.NEEDS_NGRAM: self.tr("needs ngram"),
        }[ill.state]
        somewhere = any(a.state is WordState.INDEXED for a in word.answers)
        if somewhere:
            text = self.tr("{word}: {state} on {number} of the sources").format(
                word=shown, state=state, number=len(ill.sources)
            )
        else:
            text = self.tr("{word}: {state}").format(word=shown, state=state)
        self.setText(text.replace("&", "&&"))
        split = ill.state is WordState.SPLIT
        self.setIcon(icon("info", "muted") if split else icon("warning", "warning"))
        self.setIconSize(QSize(20, 16))
        told = "\n".join(_told(answer.reason, answer.sources) for answer in word.answers)
        self.setToolTip(plain_tool_tip(told))
        self.setAccessibleName(text)
        self.setAccessibleDescription(told)
        if word.repairs:
            menu = QMenu(self)
            menu.setAccessibleName(self.tr("Repairs"))
            fill_with_fixes(menu, word.repairs, self.fix_chosen.emit)
            self.setMenu(menu)


class _FindingLines(QWidget):
    """The finding that matters most with its fixes, and the others on demand."""

    fix_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.findings")
        self._lines: list[QWidget] = []
        self._told: tuple[Finding, ...] = ()
        self._plain: QuickFix | None = None
        self._expanded = False
        self.has_something = False
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(2)

    def show_findings(self, reading: QueryReading | None) -> None:
        """Make a line for the first of them; hints alone make none."""
        findings = () if reading is None else reading.findings
        self._told = tuple(sorted(findings, key=severity_rank))
        self._plain = None if reading is None else reading.plain_text
        self.has_something = bool(self._told) and self._told[0].severity is not Severity.HINT
        if not self.has_something:
            self._told = ()
            self._expanded = False
        self._draw()

    @Slot()
    def _toggle(self) -> None:
        self._expanded = not self._expanded
        self._draw()
        for button in self.findChildren(Button, "search.findings.more"):
            if button.isVisible():
                button.setFocus()

    def _draw(self) -> None:
        for line in self._lines:
            self.column.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines = []
        room = _MOST_LINES if self.window().height() >= _LOW_WINDOW else _LEAST_LINES
        most = room if self._expanded else 1
        for place, finding in enumerate(self._told[:most]):
            line = _FindingLine(finding, self._plain if place == 0 else None, self)
            line.fix_chosen.connect(self.fix_chosen)
            if place == 0 and len(self._told) > 1:
                text = self.tr("Less")
                if not self._expanded:
                    text = self.tr("{number} more").format(number=len(self._told) - 1)
                more = Button(text, "link", name="search.findings.more")
                more.clicked.connect(self._toggle)
                line.row.addWidget(more)
            self.column.addWidget(line)
            self._lines.append(line)


class _FindingLine(QWidget):
    """One finding: its rule, what it says, its first fix and a menu of the others."""

    fix_chosen = Signal(object)

    def __init__(
        self, finding: Finding, plain: QuickFix | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._fixes = finding.fixes
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(Space.S)
        name, role = _ICONS[finding.severity]
        self.row.addWidget(Icon(name, 14, role))
        said = f"{finding.rule}  {_told(finding.message, finding.sources)}"
        text = ElidedLabel(said, "caption")
        text.setToolTip(plain_tool_tip(" ".join(t for t in (said, finding.hint) if t)))
        self.row.addWidget(text, 1)
        if finding.fixes:
            first = Button(_shortened(finding.fixes[0].label), "link", name="search.fix")
            first.setToolTip(plain_tool_tip(finding.fixes[0].label))
            first.clicked.connect(self._take_first)
            self.row.addWidget(first)
        others = [*finding.fixes[1:], *([plain] if plain else [])]
        if others:
            button = Button(self.tr("Other fixes"), "link", name="search.fixes")
            menu = QMenu(button)
            menu.setAccessibleName(self.tr("Other fixes"))
            fill_with_fixes(menu, others, self.fix_chosen.emit)
            button.setMenu(menu)
            self.row.addWidget(button)
        self.setAccessibleName(said)

    @Slot()
    def _take_first(self) -> None:
        self.fix_chosen.emit(self._fixes[0])


def fill_with_fixes(
    menu: QMenu, fixes: Iterable[QuickFix], take: Callable[[QuickFix], object]
) -> None:
    """An entry for each fix; ``take`` gets the chosen one."""
    for fix in fixes:
        action = QAction(fix.label.replace("&", "&&"), menu)
        action.setData(fix)
        menu.addAction(action)

    def chosen(action: QAction) -> None:
        take(action.data())

    menu.triggered.connect(chosen, Qt.ConnectionType.DirectConnection)


def _short_word(word: WordReading) -> str:
    return word.text if len(word.text) <= _WORD_LENGTH else word.text[:_WORD_LENGTH] + "…"


def _shortened(label: str) -> str:
    shown = label if len(label) <= 2 * _WORD_LENGTH else label[: 2 * _WORD_LENGTH] + "…"
    return shown.replace("&", "&&")


def _told(sentence: str, sources: Sequence[SourceRef]) -> str:
    if not sources:
        return sentence
    names = [source_text(source) for source in sources[:_MOST_SOURCES]]
    more = len(sources) - len(names)
    # What is wrong comes first: a long list of places would push it out of a line.
    return f"{sentence} ({', '.join(names)}{f' and {more} more' if more else ''})"
