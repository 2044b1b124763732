"""What the pictures of administration show: a team's data folder and the server it searches.

Colleagues, keys in every state, connections with too many and with just enough rights, all made by
the services; the texts are those of Python's own modules.
"""

from __future__ import annotations

import importlib
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.connections import ConnectionDraft, Environment, TlsMode, TlsSettings
from altus4_desktop.domain.custom_metrics import CustomMetricDraft, Side, Threshold
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.keys import KeyDraft, KeyEnvironment, KeyPermission, KeyTier
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.services import Services
from tests.benchmarks.histories import History
from tests.servers import DatabaseServer

LIST_FILE = "team.csv"
PASSPHRASE = "tern-lantern-orchard-quill"
_PASSWORD = "a password of the pictures"
_COLLEAGUES = (
    ("Grace Hopper", "grace@example.org", Role.ADMIN),
    ("Edsger Dijkstra", "edsger@example.org", Role.USER),
    ("Barbara Liskov", "barbara@example.org", Role.USER),
)
_HISTORY_DAYS = 760
_SEARCHES = 24_000
# Of the searches of a day one in so many is asked by a program.
_BY_KEY = 9
_NAMES = {"Shop": "Handbook", "Library": "Drafts", "Archive": "Orders", "Support": "Tickets"}
_MODULES = ("argparse", "csv", "heapq", "json", "logging", "random", "string", "tarfile")


def furnish(data_dir: Path, server: DatabaseServer) -> None:
    """Fill ``data_dir`` and ``server``; the admin stays signed in."""
    with closing(compose(data_dir)) as services:
        services.metadata.open_()
        services.vault.set_up_passphrase(PASSPHRASE)
        admin = services.accounts.create_first_admin("Ada Lovelace", "ada@example.org", _PASSWORD)
        for name, email, role in _COLLEAGUES:
            services.accounts.create_user(
                admin, name, email, _PASSWORD, role, temporary=role is Role.USER
            )
        grace = services.accounts.sign_in("grace@example.org", _PASSWORD)
        key = services.keys.create_(grace, KeyDraft("Weekly digest"))
        services.keys.authenticate_(key.key_secret)
        _add_connections(services, admin, server)
        _add_keys(services, admin)
        _add_history(services, admin)
        services.accounts.sign_in("ada@example.org", _PASSWORD)
        services.accounts.remember(admin)


def _add_connections(services: Services, admin: Actor, server: DatabaseServer) -> None:
    for name, environment in (("handbook", Environment.PROD), ("drafts", Environment.DEV)):
        server.execute(
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
            f"CREATE TABLE {name}.modules (id INT AUTO_INCREMENT PRIMARY KEY,"
            " title VARCHAR(100) NOT NULL, body TEXT NOT NULL,"
            " FULLTEXT KEY ft_title_body (title, body)) ENGINE=InnoDB",
        )
        with closing(server.admin(name)) as session, session.cursor() as cursor:
            texts = [(module, importlib.import_module(module).__doc__ or "") for module in _MODULES]
            cursor.executemany("INSERT INTO modules (title, body) VALUES (%s, %s)", texts)
            session.commit()
        privileges = "SELECT, SHOW VIEW"
        if environment is Environment.DEV:
            privileges += ", INSERT, UPDATE, DELETE, CREATE, DROP, EXECUTE"
        account = server.create_account(privileges, name)
        services.connections.create_(
            admin,
            ConnectionDraft(
                name=name.capitalize(),
                host=server.host,
                port=server.port,
                database=name,
                username=account.username,
                password_secret=account.password,
                environment=environment,
                tls=TlsSettings(TlsMode.PREFERRED),
            ),
        )


def _add_keys(services: Services, admin: Actor) -> None:
    keys, now = services.keys, datetime.now(UTC)
    search, analytics = KeyPermission.SEARCH, KeyPermission.ANALYTICS
    live = KeyEnvironment.LIVE
    nightly = KeyDraft(
        "Nightly report",
        live,
        frozenset({search, analytics}),
        KeyTier.PRO,
        expires_at=now + timedelta(days=90),
    )
    made = keys.create_(admin, nightly)
    keys.authenticate_(made.key_secret)
    keys.create_(admin, KeyDraft("Intranet search box", live, tier=KeyTier.ENTERPRISE))
    ending = keys.create_(
        admin, KeyDraft("Trial of the help desk", expires_at=now + timedelta(days=5))
    )
    keys.authenticate_(ending.key_secret)
    old = keys.create_(admin, KeyDraft("Import script", expires_at=now + timedelta(days=30)))
    keys.rotate_(admin, old.key.id, 24 * 3600)
    gone = keys.create_(admin, KeyDraft("Laptop that was lost"))
    keys.revoke_(admin, [gone.key.id])


def _add_history(services: Services, admin: Actor) -> None:
    """What the four have searched for in two good years, and what is counted of it."""
    users = services.accounts.list_users(admin).users
    team = sorted((item.user.id for item in users), key=lambda user_id: user_id != admin.user_id)
    owned = {item.name: item.id for item in services.connections.list_(admin)}
    keys = [key.id for key in services.keys.list_(admin).keys]
    now = datetime.now(UTC)
    first = now.date() - timedelta(days=_HISTORY_DAYS - 1)
    history = History(_SEARCHES, people=len(team), first=first, days=_HISTORY_DAYS)
    user_of = dict(zip((person.id for person in history.persons()), team, strict=True))
    kept = services.metadata.store.searches
    for rows in history.rows():
        records: list[SearchRecord] = []
        for row in rows:
            at = datetime.fromisoformat(row.created_at).replace(tzinfo=UTC)
            if at > now:
                continue
            params = json.loads(_renamed(row.search_params))
            if len(records) % _BY_KEY == 0:
                params["api_key"] = keys[len(row.query) % len(keys)]
            names = params["connections"]
            alone = owned.get(names[0]) if len(names) == 1 else None
            records.append(
                SearchRecord(
                    row.id,
                    user_of[row.user_id],
                    alone if user_of[row.user_id] == admin.user_id else None,
                    row.query,
                    SearchMode(row.search_mode),
                    params,
                    row.result_count,
                    row.execution_time_ms,
                    at,
                )
            )
        kept.add_(*records)
    nothing = HistoryQuery(outcome=HistoryOutcome.NONE)
    services.custom_metrics.create_(
        admin,
        CustomMetricDraft("Nothing found", history=nothing, threshold=Threshold(Side.ABOVE, 6)),
    )
    services.analytics.refresh_(admin)


def _renamed(params: str) -> str:
    for invented, name in _NAMES.items():
        params = params.replace(f'"{invented}"', f'"{name}"')
    return params


def write_list(path: Path, server: DatabaseServer) -> None:
    """A table of connections as colleagues pass it on: new, known, and with something missing."""
    rows = (
        "name,host,port,database,username,password,tls,environment",
        f"Handbook,{server.host},{server.port},handbook,altus4_search,,preferred,prod",
        "Orders,db.example.org,3306,orders,altus4_search,,verify-identity,prod",
        "Archive,db.example.org,3306,archive,,,verify-identity,test",
        "Broken,,3306,nowhere,reader,,required,dev",
    )
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
