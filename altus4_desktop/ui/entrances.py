"""The panes that can be opened: their places in the rail, and how each is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.ui.pane import Pane
from altus4_desktop.ui.rail import Place
from altus4_desktop.ui.session import Session


@dataclass(frozen=True)
class Entrance:
    """A pane that can be opened, and how to build it; building imports it."""

    place: Place
    build: Callable[[Session], Pane]


def list_entrances(actor: Actor) -> list[Entrance]:
    """What there is for this person, in the order of the rail."""
    administration = [
        Entrance(Place("users", _tr("Users"), "users", "Ctrl+5"), _build_users),
        Entrance(Place("store", _tr("Metadata store"), "layers", "Ctrl+6"), _build_store),
        Entrance(Place("audit", _tr("Audit"), "shield", "Ctrl+7"), _build_audit),
        Entrance(Place("backups", _tr("Backups"), "download", "Ctrl+Shift+B"), _build_backups),
    ]
    if actor.is_demo:
        # The demo looks after no accounts.
        administration = administration[1:]
    return [
        Entrance(Place("search", _tr("Search"), "search", "Ctrl+1"), _build_search),
        Entrance(
            Place("connections", _tr("Connections"), "database", "Ctrl+2"),
            _build_connections,
        ),
        Entrance(Place("history", _tr("History"), "history", "Ctrl+3"), _build_history),
        Entrance(
            Place("analytics", _tr("Analytics"), "trend", "Ctrl+Shift+A"),
            _build_analytics,
        ),
        Entrance(Place("evaluation", _tr("Evaluation"), "chart", "Ctrl+0"), _build_evaluation),
        Entrance(
            Place("monitoring", _tr("Monitoring"), "activity", "Ctrl+Shift+M"),
            _build_monitoring,
        ),
        Entrance(Place("keys", _tr("API keys"), "key", "Ctrl+4"), _build_keys),
        *(administration if actor.role is Role.ADMIN else []),
        Entrance(Place("server", _tr("Local server"), "server", "Ctrl+8"), _build_server),
        Entrance(Place("settings", _tr("Settings"), "settings", "Ctrl+9"), _build_settings),
    ]


def _tr(text: str) -> str:
    return QCoreApplication.translate("entrances", text)


def _build_search(session: Session) -> Pane:
    from altus4_desktop.ui.panes.search.pane import SearchPane

    return SearchPane(session)


def _build_connections(session: Session) -> Pane:
    from altus4_desktop.ui.panes.connections.pane import ConnectionsPane

    return ConnectionsPane(session)


def _build_history(session: Session) -> Pane:
    from altus4_desktop.ui.panes.history.pane import HistoryPane

    return HistoryPane(session)


def _build_analytics(session: Session) -> Pane:
    from altus4_desktop.ui.panes.analytics.pane import AnalyticsPane

    return AnalyticsPane(session)


def _build_evaluation(session: Session) -> Pane:
    from altus4_desktop.ui.panes.evaluation.pane import EvaluationPane

    return EvaluationPane(session)


def _build_monitoring(session: Session) -> Pane:
    from altus4_desktop.ui.panes.monitoring.pane import MonitoringPane

    return MonitoringPane(session)


def _build_keys(session: Session) -> Pane:
    from altus4_desktop.ui.panes.keys.pane import KeysPane

    return KeysPane(session)


def _build_users(session: Session) -> Pane:
    from altus4_desktop.ui.panes.users.pane import UsersPane

    return UsersPane(session)


def _build_audit(session: Session) -> Pane:
    from altus4_desktop.ui.panes.audit.pane import AuditPane

    return AuditPane(session)


def _build_store(session: Session) -> Pane:
    from altus4_desktop.ui.panes.migrations.pane import MigrationsPane

    return MigrationsPane(session)


def _build_backups(session: Session) -> Pane:
    from altus4_desktop.ui.panes.backups.pane import BackupsPane

    return BackupsPane(session)


def _build_server(session: Session) -> Pane:
    from altus4_desktop.ui.panes.server.pane import ServerPane

    return ServerPane(session)


def _build_settings(session: Session) -> Pane:
    from altus4_desktop.ui.panes.settings.pane import SettingsPane

    return SettingsPane(session)
