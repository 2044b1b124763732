"""What stands in the place of hits: an invitation, an explanation of nothing, a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from altus4_desktop.domain.searching import Notice, SearchMode
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.controller import Phase, SearchState
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import wants_password
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, InlineMessage, KeyCap, Label

_RECENT_SHOWN = 6
_RECENT_LENGTH = 56


class SearchNote(InlineMessage):
    """What is wrong, above the hits that came all the same."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(name="search.note", parent=parent)
        self._session = session
        self._sealed_id = ""

    def show_state(self, state: SearchState, again: Callable[[], object]) -> None:
        """A failure of the search, else the first password that has to be entered again."""
        sealed = next((r for r in state.sources if wants_password(r.error)), None)
        if state.phase is Phase.ROWS and state.error is not None:
            self.show_error(state.error, [(self.tr("Try again"), again)])
        elif sealed is not None and sealed.error is not None:
            self._sealed_id = sealed.source.connection_id
            self.show_error(sealed.error, [(self.tr("Go to the connection"), self._go)])
        else:
            self.clear()

    @Slot()
    def _go(self) -> None:
        self._session.pane_requested.emit("connections", self._sealed_id)


class _Middle(QScrollArea):
    """A column of limited width in the middle; scrolls when the window is small."""

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        content = QWidget()
        content.setProperty("surface", "bare")
        outer = QHBoxLayout(content)
        outer.setContentsMargins(Space.L, Space.XL, Space.L, Space.XL)
        holder = QWidget()
        holder.setMaximumWidth(width)
        self.column = QVBoxLayout(holder)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(Space.M)
        outer.addStretch(1)
        outer.addWidget(holder, 100)
        outer.addStretch(1)
        self.setWidget(content)


class IdlePage(_Middle):
    """Before the first search: what was searched lately, and how a query can be written."""

    query_chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(620, parent)
        self.setObjectName("search.idle")
        self.column.addStretch(2)
        head = Label(self.tr("What are you looking for?"), "title")
        self.column.addWidget(head)
        self.column.addWidget(
            Label(
                self.tr(
                    "One query searches every FULLTEXT index of your connections. "
                    "Hits appear as each source answers."
                ),
                "muted",
                wrap=True,
            )
        )
        self._recent_head = Label(self.tr("Recent searches"), "section")
        self.column.addSpacing(Space.S)
        self.column.addWidget(self._recent_head)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        self.column.addLayout(self._recent)
        self.column.addSpacing(Space.S)
        self.column.addWidget(Label(self.tr("Ways to ask"), "section"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        examples = (
            ("read a file line by line", SearchMode.NATURAL, self.tr("plain words, best first")),
            ("+file -temporary", SearchMode.BOOLEAN, self.tr("with one word, without the other")),
            ('"regular expression"', SearchMode.BOOLEAN, self.tr("exactly this phrase")),
            ("encod* +(bytes text)", SearchMode.BOOLEAN, self.tr("beginnings of words, groups")),
        )
        for row, (query, mode, meaning) in enumerate(examples):
            button = Button(query, "link", name=f"search.example{row + 1}")
            button.setAccessibleDescription(meaning)
            button.clicked.connect(_Choice(self, button, query, mode).choose)
            grid.addWidget(button, row, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(Label(meaning, "muted"), row, 1)
        self.column.addLayout(grid)
        self.column.addSpacing(Space.M)
        keys = QHBoxLayout()
        keys.setSpacing(Space.S)
        for key, meaning in (
            (self.tr("Enter"), self.tr("search")),
            (self.tr("Esc"), self.tr("stop")),
            (self.tr("Ctrl+L"), self.tr("to the query")),
        ):
            keys.addWidget(KeyCap(key))
            keys.addWidget(Label(meaning, "caption"))
            keys.addSpacing(Space.S)
        keys.addStretch(1)
        self.column.addLayout(keys)
        self.column.addStretch(3)
        self.show_recent(())

    def show_recent(self, queries: Sequence[str]) -> None:
        """Offer what was searched lately."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        shown = list(queries)[:_RECENT_SHOWN]
        for row, query in enumerate(shown):
            text = query if len(query) <= _RECENT_LENGTH else query[: _RECENT_LENGTH - 1] + "…"
            button = Button(
                text.replace("&", "&&"), "link", icon_name="history", name=f"search.recent{row + 1}"
            )
            button.setAccessibleName(query)
            if text != query:
                button.setToolTip(plain_tool_tip(query))
            button.clicked.connect(_Choice(self, button, query).choose)
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self._recent_head.setVisible(bool(shown))


class _Choice(QObject):
    """Carries what a button stands for, and dies with it."""

    def __init__(
        self, page: IdlePage, button: Button, query: str, mode: SearchMode | None = None
    ) -> None:
        super().__init__(button)
        self._page = page
        self._query = query
        self._mode = mode

    @Slot()
    def choose(self) -> None:
        """The button was pressed."""
        self._page.query_chosen.emit(self._query, self._mode.value if self._mode else "")


class NothingPage(_Middle):
    """No hit: why, as far as it is known, and what to do next."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(560, parent)
        self.setObjectName("search.nothing")
        self.column.addStretch(2)
        self.heading = Label(role="title", wrap=True)
        self.column.addWidget(self.heading)
        self.reason = Label(role="muted", wrap=True)
        self.column.addWidget(self.reason)
        self._notices = QVBoxLayout()
        self._notices.setSpacing(Space.S)
        self.column.addLayout(self._notices)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(Space.S)
        self.column.addLayout(self._actions)
        self.column.addStretch(3)

    def show_notices(
        self, heading: str, reason: str, notices: Sequence[Notice], buttons: Sequence[Button]
    ) -> None:
        """Explain with the service's own words and offer the next steps."""
        self.heading.setText(heading)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        for layout in (self._notices, self._actions):
            while (item := layout.takeAt(0)) is not None:
                widget = item.widget()
                if widget is not None:
                    widget.hide()
                    widget.deleteLater()
        for notice in notices:
            self._notices.addWidget(_NoticeCard(notice))
        for button in buttons:
            self._actions.addWidget(button)
        self._actions.addStretch(1)
        self.setAccessibleName(
            " ".join([heading, reason, *(f"{n.message} {n.hint}" for n in notices)])
        )


class _NoticeCard(Card):
    def __init__(self, notice: Notice) -> None:
        super().__init__(margin=Space.M, spacing=2)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(Icon("info", 18, "accent"), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(notice.message, "strong", wrap=True, selectable=True))
        if notice.hint:
            texts.addWidget(Label(notice.hint, "muted", wrap=True, selectable=True))
        row.addLayout(texts, 1)
        self.body.addLayout(row)


class Remarks(QWidget):
    """What a search that found something still has to say: one quiet line, all of it on demand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.remarks")
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 0, 0)
        column.setSpacing(Space.XS)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(Icon("info", 14, "muted"))
        self.first = ElidedLabel(role="caption")
        row.addWidget(self.first, 1)
        self.more = Button(self.tr("Explain"), "link", name="search.remarks.more")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._expand)
        row.addWidget(self.more)
        column.addLayout(row)
        self.rest = Label(role="caption", wrap=True, selectable=True)
        self.rest.hide()
        column.addWidget(self.rest)
        self.hide()

    def show_notices(self, notices: Sequence[Notice]) -> None:
        """Say these, or nothing."""
        self.setVisible(bool(notices))
        if not notices:
            return
        self.first.setText(notices[0].message)
        texts = [" ".join(t for t in (notice.message, notice.hint) if t) for notice in notices]
        self.rest.setText("\n".join(texts))
        self.more.setChecked(False)
        self.setAccessibleName(" ".join(texts))

    @Slot(bool)
    def _expand(self, shown: bool) -> None:
        self.rest.setVisible(shown)
        self.more.setText(self.tr("Less") if shown else self.tr("Explain"))
