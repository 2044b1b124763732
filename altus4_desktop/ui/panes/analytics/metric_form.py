"""The form of a custom metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.custom_metrics import (
    MOST_THRESHOLD,
    CustomMetric,
    CustomMetricDraft,
    MetricSource,
    Side,
    Threshold,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.account_box import OFFERED, AccountBox
from altus4_desktop.ui.panes.analytics.metric_wording import short_name
from altus4_desktop.ui.panes.history.filters import week_hour_words
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration
from altus4_desktop.ui.widgets import FormRow, Label

_ITEM_LENGTH = 60


@dataclass(frozen=True)
class Choices:
    """What can be chosen, by id: connections, accounts (admins) and saved searches."""

    connections: Mapping[str, str]
    people: Mapping[str, str]
    saved: Mapping[str, str]


class MetricForms(QObject):
    """Reads what can be chosen, then opens a form over ``window``.

    ``saved`` carries the CustomMetric, ``failed`` what could not be read.
    """

    saved = Signal(object)
    failed = Signal(object)

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._reading.succeeded.connect(self._open)
        self._reading.failed.connect(self._fail)
        self._draft = CustomMetricDraft("")
        self._seen: CustomMetric | None = None
        self.dialog: MetricDialog | None = None

    def open(self, draft: CustomMetricDraft, seen: CustomMetric | None = None) -> None:
        """Ask for a new metric like ``draft``, or for changes of ``seen``."""
        self._draft, self._seen = draft, seen
        services, actor = self._session.services, self._session.actor

        def read(_: TaskContext) -> Choices:
            people: dict[str, str] = {}
            if actor.role is Role.ADMIN:
                accounts, asked = services.accounts, [draft.history.user_id]
                people = {
                    **accounts.list_addresses(actor, limit=OFFERED),
                    **accounts.list_addresses(actor, user_ids=asked, limit=1),
                }
            return Choices(
                {item.id: item.name for item in services.connections.list_(actor)},
                people if len(people) > 1 else {},
                {
                    saved.id: "/".join(filter(None, (saved.folder, saved.name)))
                    for saved in services.saved_searches.list_(actor)
                    if saved.mode is not SearchMode.SEMANTIC
                },
            )

        self._reading.start(read)

    @Slot(object)
    def _open(self, choices: Choices) -> None:
        self.dialog = MetricDialog(self._session, choices, self._draft, self._seen, self._window)
        self.dialog.saved.connect(self.saved)
        self.dialog.open()

    @Slot(object)
    def _fail(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.failed.emit(error)


class MetricDialog(FormDialog):
    """Name, what is counted, and a threshold; ``saved`` carries the metric."""

    saved = Signal(object)

    def __init__(
        self,
        session: Session,
        choices: Choices,
        draft: CustomMetricDraft,
        seen: CustomMetric | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, name="analytics.metric.form", width=480, parent=parent)
        self._seen, self._history = seen, draft.history
        self.name = QLineEdit(draft.name)
        self.name.setObjectName("analytics.metric.name")
        self.add_row("name", FormRow(self.tr("Name"), self.name))
        self.source = _box(
            "analytics.metric.source",
            {
                MetricSource.HISTORY.value: self.tr("Past searches of each day"),
                MetricSource.SAVED_SEARCH.value: self.tr("Rows of a saved search, once a day"),
            },
            draft.source.value,
        )
        self.add_row("source", FormRow(self.tr("What is counted"), self.source))
        self._build_history(session, choices, draft.history)
        self._build_saved(choices, draft.saved_search_id)
        self._build_threshold(draft.threshold)
        self.source.currentIndexChanged.connect(self._show_rows)
        self.side.currentIndexChanged.connect(self._allow_limit)
        self._show_rows()
        self._allow_limit()
        if seen is None:
            self.entitle(self.tr("New metric"), self.tr("Count"))
        else:
            self.entitle(self.tr("Edit the metric"), self.tr("Save"))
        self.name.selectAll()
        self.name.setFocus()

    def _build_history(self, session: Session, choices: Choices, query: HistoryQuery) -> None:
        self.text = QLineEdit(query.text)
        self.text.setObjectName("analytics.metric.text")
        self.text.setPlaceholderText(self.tr("Any words"))
        self.add_row("text", FormRow(self.tr("Words of the query"), self.text))
        self.mode = _box(
            "analytics.metric.mode",
            {
                "": self.tr("Any mode"),
                SearchMode.NATURAL.value: self.tr("Natural"),
                SearchMode.BOOLEAN.value: self.tr("Boolean"),
                SearchMode.SEMANTIC.value: self.tr("Semantic"),
            },
            query.mode.value if query.mode else "",
        )
        self.outcome = _box(
            "analytics.metric.outcome",
            {
                "": self.tr("Any result"),
                HistoryOutcome.HITS.value: self.tr("With hits"),
                HistoryOutcome.NONE.value: self.tr("Nothing found"),
                HistoryOutcome.FAILED.value: self.tr("Failed"),
                HistoryOutcome.SLOW.value: self.tr("Slow"),
            },
            query.outcome.value if query.outcome else "",
        )
        self.connection = _box(
            "analytics.metric.connection",
            {"": self.tr("Anywhere"), **choices.connections},
            query.connection_id,
        )
        self.person = AccountBox(session, "analytics.metric.person")
        self.person.offer(choices.people, query.user_id)
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(FormRow(self.tr("Mode"), self.mode), 1)
        row.addWidget(FormRow(self.tr("Outcome"), self.outcome), 1)
        self.column.addWidget(pair)
        self._of_history: list[QWidget] = [self.work.fields["text"], pair]
        for key, title, box in (
            ("connection", self.tr("Connection"), self.connection),
            ("user", self.tr("Account"), self.person),
        ):
            form_row = FormRow(title, box)
            self.add_row(key, form_row)
            if key == "connection" or choices.people:
                self._of_history.append(form_row)
            else:
                form_row.hide()
        further = self._further_words(query)
        if further:
            label = Label(further, "caption", wrap=True)
            self.column.addWidget(label)
            self._of_history.append(label)

    def _further_words(self, query: HistoryQuery) -> str:
        """What the history was narrowed down by and the form has no field for; it is kept."""
        parts = []
        if query.whole and query.text:
            parts.append(self.tr("the whole query is as it says above"))
        if query.least_ms:
            parts.append(
                self.tr("it took {least} or longer").format(least=duration(query.least_ms))
            )
        if query.most_ms is not None:
            parts.append(self.tr("it took {most} at most").format(most=duration(query.most_ms)))
        if query.is_finished:
            parts.append(self.tr("it was not cancelled"))
        if query.connection_name:
            name = short_name(query.connection_name, _ITEM_LENGTH)
            parts.append(self.tr("“{name}” was searched").format(name=name))
        if query.key_id is not None:
            by_key = self.tr("it was searched through that API key")
            parts.append(by_key if query.key_id else self.tr("no API key was used"))
        if query.week_hour is not None:
            parts.append(self.tr("it was on {hour}").format(hour=week_hour_words(query.week_hour)))
        return self.tr("Counted only where {what}.").format(what=", ".join(parts)) if parts else ""

    def _build_saved(self, choices: Choices, saved_id: str) -> None:
        items = choices.saved or {"": self.tr("Nothing is saved yet")}
        self.search = _box("analytics.metric.saved", items, saved_id)
        self.search.setEnabled(bool(choices.saved))
        hint = self.tr("Looked up while the application runs; other days have no data.")
        self.add_row("saved_search", FormRow(self.tr("Saved search"), self.search, hint=hint))

    def _build_threshold(self, threshold: Threshold | None) -> None:
        self.side = _box(
            "analytics.metric.side",
            {
                "": self.tr("No threshold"),
                Side.ABOVE.value: self.tr("Tell me of a day above"),
                Side.BELOW.value: self.tr("Tell me of a day below"),
            },
            threshold.side.value if threshold is not None else "",
        )
        self.side.setAccessibleName(self.tr("Threshold"))
        self.limit = QSpinBox()
        self.limit.setObjectName("analytics.metric.limit")
        self.limit.setAccessibleName(self.tr("Threshold as a number"))
        self.limit.setRange(0, MOST_THRESHOLD)
        self.limit.setGroupSeparatorShown(True)
        self.limit.setValue(threshold.limit if threshold is not None else 10)
        pair = QWidget()
        pair.setAccessibleName(self.tr("Threshold"))
        pair.setFocusProxy(self.limit)
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.side, 2)
        row.addWidget(self.limit, 1)
        form_row = FormRow(self.tr("Threshold"), pair)
        self.limit.valueChanged.connect(form_row.clear_error)
        self.add_row("threshold", form_row)
        self.column.addStretch(1)

    @Slot()
    def _show_rows(self) -> None:
        by_history = self.source.currentData() == MetricSource.HISTORY.value
        for widget in self._of_history:
            widget.setVisible(by_history)
        self.work.fields["saved_search"].setVisible(not by_history)

    @Slot()
    def _allow_limit(self) -> None:
        self.limit.setEnabled(bool(self.side.currentData()))

    def draft(self) -> CustomMetricDraft:
        """What was entered."""
        mode, outcome = str(self.mode.currentData()), str(self.outcome.currentData())
        side = str(self.side.currentData())
        return CustomMetricDraft(
            self.name.text(),
            MetricSource(str(self.source.currentData())),
            replace(
                self._history,
                text=self.text.text(),
                connection_id=str(self.connection.currentData()),
                mode=SearchMode(mode) if mode else None,
                outcome=HistoryOutcome(outcome) if outcome else None,
                user_id=str(self.person.currentData()),
            ),
            str(self.search.currentData()),
            Threshold(Side(side), self.limit.value()) if side else None,
        )

    def send(self) -> None:
        """Create or change it; the rows of a saved search are counted at once."""
        metrics, actor, seen = self.session.services.custom_metrics, self.session.actor, self._seen
        draft = self.draft()

        def save(context: TaskContext) -> CustomMetric:
            if seen is None:
                made = metrics.create_(actor, draft)
            else:
                made = metrics.update_(actor, seen, draft)
            if made.draft.source is MetricSource.SAVED_SEARCH:
                metrics.watch_(actor, context.token)
            return made

        self.run(save, self._take, Lane.TENANTS)

    @Slot(object)
    def _take(self, made: CustomMetric) -> None:
        self.saved.emit(made)
        self.accept()


def _box(name: str, items: Mapping[str, str], chosen: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setMinimumContentsLength(5)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for key, title in items.items():
        box.addItem(short_name(title, _ITEM_LENGTH), key)
    if box.findData(chosen) < 0 and chosen:
        # It is gone since: what was counted goes by it nevertheless.
        box.addItem("…", chosen)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    return box
