"""The pane's three tables: revisions, departures of the schema, who has the store open."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject

from altus4_desktop.domain.revisions import (
    DriftItem,
    DriftKind,
    Revision,
    RevisionState,
    SchemaPart,
    Visitor,
)
from altus4_desktop.ui.models.records import Column
from altus4_desktop.ui.panes.tables import Mark, MarkedModel
from altus4_desktop.ui.times import ago, duration, full


def state_words(revision: Revision) -> str:
    """The state of a revision in words."""
    if revision.edited:
        return _tr("Edited since")
    return {
        RevisionState.APPLIED: _tr("Applied"),
        RevisionState.PENDING: _tr("Pending"),
        RevisionState.UNKNOWN: _tr("Unknown"),
    }[revision.state]


def build_revisions(parent: QObject) -> MarkedModel[Revision]:
    """The model of the revisions."""
    return MarkedModel(
        [
            Column(_tr("Step"), lambda it: it.id.partition("_")[0], tool_tip=lambda it: it.id),
            Column(_tr("What it does"), lambda it: it.title, tool_tip=lambda it: it.title),
            Column(_tr("State"), state_words),
            Column(
                _tr("When"),
                lambda it: ago(it.applied_at) if it.applied_at else "—",
                tool_tip=lambda it: full(it.applied_at),
            ),
            Column(
                _tr("Took"),
                lambda it: "—" if it.duration_ms is None else duration(it.duration_ms),
                lambda it: it.duration_ms or 0,
                is_number=True,
            ),
        ],
        2,
        _revision_mark,
        parent,
    )


def build_drift(parent: QObject) -> MarkedModel[DriftItem]:
    """The model of the departures."""
    kinds = {
        DriftKind.MISSING: _tr("Missing"),
        DriftKind.EXTRA: _tr("Not ours"),
        DriftKind.DIFFERENT: _tr("Different"),
    }
    parts = {
        SchemaPart.TABLE: _tr("Table"),
        SchemaPart.COLUMN: _tr("Column"),
        SchemaPart.INDEX: _tr("Index"),
        SchemaPart.FOREIGN_KEY: _tr("Foreign key"),
        SchemaPart.CHECK: _tr("Check"),
        SchemaPart.TRIGGER: _tr("Trigger"),
    }
    return MarkedModel(
        [
            Column(_tr("What"), lambda it: kinds[it.kind]),
            Column(_tr("Part"), lambda it: parts[it.part]),
            Column(_tr("Where"), place_words, tool_tip=place_words),
            Column(_tr("Expected"), lambda it: it.expected or "—", tool_tip=lambda it: it.expected),
            Column(_tr("Found"), lambda it: it.found or "—", tool_tip=lambda it: it.found),
        ],
        0,
        lambda it: {
            DriftKind.MISSING: ("minus", "danger"),
            DriftKind.EXTRA: ("plus", "warning"),
            DriftKind.DIFFERENT: ("warning", "warning"),
        }[it.kind],
        parent,
    )


def build_visitors(parent: QObject) -> MarkedModel[Visitor]:
    """The model of who has the store open."""
    return MarkedModel(
        [
            Column(_tr("Who"), visitor_words, tool_tip=visitor_words),
            Column(_tr("Number"), lambda it: str(it.number), lambda it: it.number, is_number=True),
            Column(_tr("Doing"), lambda it: it.program or "—", tool_tip=lambda it: it.program),
            Column(
                _tr("For"),
                lambda it: "—" if it.since_s is None else _long(it.since_s),
                lambda it: it.since_s or 0,
                is_number=True,
            ),
        ],
        0,
        lambda it: ("check", "success") if it.own else ("user", "muted"),
        parent,
    )


def place_words(item: DriftItem) -> str:
    """Where a departure is: the table, and what of it."""
    return f"{item.table} · {item.name}" if item.name else item.table


def visitor_words(visitor: Visitor) -> str:
    """Who a visitor is."""
    if visitor.own:
        return _tr("This program")
    if visitor.account:
        return f"{visitor.account} · {visitor.host}"
    return _tr("Process of this computer")


def _revision_mark(revision: Revision) -> Mark:
    if revision.edited:
        return "edit", "warning"
    return {
        RevisionState.APPLIED: ("check", "success"),
        RevisionState.PENDING: ("clock", "warning"),
        RevisionState.UNKNOWN: ("help", "danger"),
    }[revision.state]


def _long(seconds: int) -> str:
    minutes = seconds // 60
    if seconds < 60:
        return _tr("{count} s").format(count=seconds)
    if minutes < 60:
        return _tr("{count} min").format(count=minutes)
    return _tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def _tr(text: str) -> str:
    return QCoreApplication.translate("store", text)
