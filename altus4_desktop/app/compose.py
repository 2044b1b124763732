"""Every layer, built once, by constructor arguments."""

from __future__ import annotations

import os
from pathlib import Path

from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services import Services
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
from altus4_desktop.services.permissions import Permissions
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


def compose(data_dir: Path, metadata_url: str | None = None) -> Services:
    """All services over ``data_dir``; reads the settings and touches nothing else.

    Raises StoreError when the settings cannot be read.
    """
    settings = Settings.load(
        data_dir,
        metadata_url=metadata_url,
        metadata_password_secret=os.environ.get("ALTUS4_METADATA_PASSWORD"),
    )
    vault = VaultService(data_dir)
    metadata = MetadataService(data_dir, settings, vault)
    permissions = Permissions(metadata)
    accounts = AccountsService(metadata, vault, permissions, data_dir)
    pools = TenantPools()
    local_server = LocalServerService(data_dir, settings, vault)
    connections = ConnectionsService(
        metadata, vault, pools, permissions, local_server.open_endpoint
    )
    history = HistoryService(metadata, permissions)
    analytics = AnalyticsService(metadata, permissions)
    history.on_changed = analytics.note_changed
    accounts.on_zone_changed = analytics.note_changed
    search = SearchService(connections, pools, history)
    custom_metrics = CustomMetricsService(metadata, permissions, analytics, connections, search)
    demo = DemoService(local_server, accounts, connections, metadata, vault)
    keys = KeysService(metadata, permissions)
    suggestions = SuggestionsService(connections, pools, history, permissions)
    return Services(
        data_dir=data_dir,
        settings=settings,
        vault=vault,
        metadata=metadata,
        accounts=accounts,
        connections=connections,
        rights=RightsService(metadata, connections, pools, permissions),
        history=history,
        analytics=analytics,
        search_points=SearchPointsService(metadata, permissions),
        search=search,
        custom_metrics=custom_metrics,
        search_drafts=SearchDraftsService(data_dir),
        saved_searches=SavedSearchesService(metadata, permissions),
        suggestions=suggestions,
        local_server=local_server,
        demo=demo,
        keys=keys,
        audit=AuditService(metadata, permissions),
        migrations=MigrationsService(metadata, permissions),
        backups=BackupsService(data_dir, metadata, settings, permissions),
        exchange=ExchangeService(metadata, vault, connections, permissions),
        exports=ExportsService(metadata, connections, search, pools, permissions),
        vault_keys=VaultKeysService(
            vault, metadata, (metadata, accounts, local_server), permissions
        ),
        evaluation=EvaluationService(search, keys, permissions),
        query_sets=QuerySetsService(metadata, permissions),
        index_health=IndexHealthService(connections, history, pools, permissions),
        monitoring=MonitoringService(
            metadata,
            connections,
            permissions,
            TenantPools(),
            local_server.is_running,
        ),
        insights=InsightsService(
            metadata,
            analytics,
            connections,
            search,
            suggestions,
            permissions,
            local_server.is_running,
        ),
    )
