"""Use cases: one class a subject; rules and permissions live here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altus4_desktop.services.accounts import AccountsService
    from altus4_desktop.services.analytics import AnalyticsService
    from altus4_desktop.services.audit import AuditService
    from altus4_desktop.services.backups import BackupsService
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.custom_metrics import CustomMetricsService
    from altus4_desktop.services.demo import DemoService
    from altus4_desktop.services.evaluation import EvaluationService
    from altus4_desktop.services.exchange.service import ExchangeService
    from altus4_desktop.services.exports.service import ExportsService
    from altus4_desktop.services.history import HistoryService
    from altus4_desktop.services.index_health import IndexHealthService
    from altus4_desktop.services.insights import InsightsService
    from altus4_desktop.services.keys import KeysService
    from altus4_desktop.services.local_server import LocalServerService
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.migrations import MigrationsService
    from altus4_desktop.services.monitoring import MonitoringService
    from altus4_desktop.services.query_sets import QuerySetsService
    from altus4_desktop.services.rights import RightsService
    from altus4_desktop.services.saved_searches import SavedSearchesService
    from altus4_desktop.services.search import SearchService
    from altus4_desktop.services.search_drafts import SearchDraftsService
    from altus4_desktop.services.search_points import SearchPointsService
    from altus4_desktop.services.settings import Settings
    from altus4_desktop.services.suggestions import SuggestionsService
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.services.vault_keys import VaultKeysService


@dataclass(frozen=True)
class Services:
    """Every use case, built once; what the window and the command line are made of."""

    data_dir: Path
    settings: Settings
    vault: VaultService
    metadata: MetadataService
    accounts: AccountsService
    connections: ConnectionsService
    rights: RightsService
    history: HistoryService
    analytics: AnalyticsService
    search_points: SearchPointsService
    search: SearchService
    custom_metrics: CustomMetricsService
    search_drafts: SearchDraftsService
    saved_searches: SavedSearchesService
    suggestions: SuggestionsService
    local_server: LocalServerService
    demo: DemoService
    keys: KeysService
    audit: AuditService
    migrations: MigrationsService
    backups: BackupsService
    exchange: ExchangeService
    exports: ExportsService
    vault_keys: VaultKeysService
    evaluation: EvaluationService
    query_sets: QuerySetsService
    index_health: IndexHealthService
    monitoring: MonitoringService
    insights: InsightsService

    def close(self) -> None:
        """Write what is pending, close every connection, stop the local server if we started it."""
        self.backups.close_()
        self.search_drafts.close_()
        self.history.close_()
        self.analytics.close_()
        self.monitoring.close_()
        self.connections.close_()
        self.local_server.close_()
        self.metadata.close_()
