"""The schema: what the specification says, what the models say, what the revisions make."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymysql
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.storage.engine import WRITES, build_engine
from altus4_desktop.storage.files import create_private
from altus4_desktop.storage.store import Store
from altus4_desktop.storage.tables import metadata
from tests.records import a_user
from tests.servers import DatabaseServer
from tests.stores import Fingerprint, StorePlace, file_place, server_place

_SPECIFICATION = Path(__file__).with_name("specification.sql").read_text("utf-8")
_SPECIFIED = ("users", "api_keys", "databases", "searches", "analytics")
_STATEMENTS = [part.strip() for part in _SPECIFICATION.split(";") if part.strip()]


def _create_from_models(place: StorePlace) -> None:
    if place.location.file is not None:
        create_private(place.location.file)
    engine = build_engine(place.location, place.password, migrating=True)
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        metadata.create_all(connection)


def _drop_models(place: StorePlace) -> None:
    if place.location.file is not None:
        place.location.file.unlink()
        return
    engine = build_engine(place.location, place.password, migrating=True)
    with engine.begin() as connection:
        metadata.drop_all(connection)


def test_models_and_revisions_make_the_same_schema(place: StorePlace) -> None:
    _create_from_models(place)
    from_models = place.fingerprint()
    _drop_models(place)
    store = place.open()
    store.migrator.upgrade()
    store.close()
    assert place.fingerprint() == from_models
    assert len(str(from_models)) > 5000


def test_alembic_sees_no_difference_to_the_models(place: StorePlace, store: Store) -> None:
    engine = build_engine(place.location, place.password, migrating=True)

    def include(
        item: sa.schema.SchemaItem, name: str | None, kind: str, reflected: bool, other: object
    ) -> bool:
        del other
        if kind == "index" and not reflected:
            # An index is declared once for a file and once for a server.
            condition = getattr(item, "_ddl_if", None)
            return condition is None or condition.dialect == engine.dialect.name
        return not (kind == "table" and reflected and str(name).startswith(("ft_query", "migrat")))

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": include,
                "compare_type": True,
                "compare_server_default": False,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_a_server_has_exactly_what_the_specification_creates(on_server: StorePlace) -> None:
    place = on_server
    for statement in _STATEMENTS:
        place.query(statement)
    wanted = _comparable(place.fingerprint())
    for table in reversed(_SPECIFIED):
        place.query(f"DROP TABLE `{table}`")
    store = place.open()
    store.migrator.upgrade()
    store.close()
    got = _comparable(place.fingerprint())
    for part, rows in wanted.items():
        assert got[part] == rows, part
    assert len(wanted["columns"]) == 9 + 16 + 14 + 10 + 7
    assert len(wanted["foreign keys"]) == 5


# MariaDB checks JSON, under the name of the column.
_OWN_DOCUMENTS = {
    column.name
    for table in metadata.sorted_tables
    if table.name not in _SPECIFIED
    for column in table.columns
    if isinstance(column.type, sa.JSON)
}


def _comparable(found: Fingerprint) -> Fingerprint:
    """Leave out our own tables, and what the specification leaves open: collations and names of
    foreign keys."""
    specified = {
        part: [row for row in rows if row[0] in _SPECIFIED] for part, rows in found.items()
    }
    return {
        "columns": [row[:-1] for row in specified["columns"]],
        # Pages of the history have some of their own.
        "indexes": [r for r in specified["indexes"] if not r[1].startswith("idx_history")],
        "foreign keys": [row[:-1] for row in specified["foreign keys"]],
        "checks": [row for row in found["checks"] if row[0] not in _OWN_DOCUMENTS],
        "triggers": [row for row in found["triggers"] if not row[0].startswith("audit_log")],
    }


def test_a_file_has_every_column_of_the_specification(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    store = place.open()
    store.migrator.upgrade()
    store.close()
    seen = 0
    for table, name, kind, rest in _specified_columns():
        rows = place.query(
            f"SELECT type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo('{table}')"
            f" WHERE name = '{name}'"
        )
        assert len(rows) == 1, f"{table}.{name}"
        declared, not_null, default, primary = rows[0]
        assert declared == _on_file(kind), f"{table}.{name}"
        assert bool(not_null) == ("NOT NULL" in rest or "PRIMARY KEY" in rest), f"{table}.{name}"
        assert bool(primary) == ("PRIMARY KEY" in rest)
        assert default == _default(rest), f"{table}.{name}"
        seen += 1
    assert seen == 9 + 16 + 14 + 10 + 7


def _specified_columns() -> list[tuple[str, str, str, str]]:
    found = []
    for statement in _STATEMENTS:
        head = re.match(r"(?:CREATE|ALTER) TABLE `?(\w+)", statement)
        if head is None:
            continue
        for line in statement.splitlines()[1:]:
            column = re.match(
                r"\s+(?:ADD COLUMN )?([a-z_]+) ([A-Z]+(?:\((?:\d+|'[^)]*')\))?)(.*?),?$", line
            )
            if column is not None:
                found.append((head[1], column[1], column[2], column[3]))
    return found


def _on_file(kind: str) -> str:
    if kind.startswith("ENUM"):
        return f"VARCHAR({max(len(value) for value in re.findall(r'[a-z]+', kind))})"
    return {"INT": "INTEGER"}.get(kind, kind)


def _default(rest: str) -> str | None:
    match = re.search(r"DEFAULT (\(.*\)|'[^']*'|\w+)", rest)
    if match is None:
        return None
    return {"true": "1", "false": "0"}.get(match[1], match[1].removeprefix("(").removesuffix(")"))


def test_up_down_up_makes_the_same_schema_again(place: StorePlace, store: Store) -> None:
    whole = place.fingerprint()
    ids = [revision.id for revision in store.migrator.status().revisions]
    shapes = {ids[-1]: whole}
    for at in range(len(ids) - 2, -1, -1):
        store.migrator.downgrade(ids[at])
        assert store.migrator.status().current == ids[at]
        shapes[ids[at]] = place.fingerprint()
    store.migrator.downgrade()
    assert store.migrator.status().current is None
    assert not any(place.fingerprint().values())
    for revision in ids:
        store.migrator.upgrade(revision)
        assert place.fingerprint() == shapes[revision], revision
    assert place.fingerprint() == whole


def test_the_printed_statements_make_the_same_schema(place: StorePlace, store: Store) -> None:
    whole = place.fingerprint()
    ids = [revision.id for revision in store.migrator.status().revisions]
    for revision in reversed(ids):
        _run_script(place, store.migrator.sql(revision, down=True))
    assert not any(place.fingerprint().values())
    _forget_bookkeeping(place)
    for revision in ids:
        _run_script(place, store.migrator.sql(revision))
    assert place.fingerprint() == whole
    status = store.migrator.status()
    assert (status.current, status.pending, status.newer) == (ids[-1], (), False)


def _run_script(place: StorePlace, script: str) -> None:
    text = re.sub(r"^--.*$", "", script, flags=re.MULTILINE)
    # A trigger's body holds semicolons of its own.
    for statement in re.split(r";\s*\n", text):
        if statement.strip() and statement.strip() not in ("BEGIN", "COMMIT"):
            place.query(statement.strip())


def _forget_bookkeeping(place: StorePlace) -> None:
    place.query("DROP TABLE migrations")
    place.query("DROP TABLE alembic_version")


def test_the_journal_tells_what_was_applied(place: StorePlace, store: Store) -> None:
    rows = place.query(
        "SELECT revision, filename, checksum, applied_at, duration_ms FROM migrations ORDER BY id"
    )
    known = store.migrator.status().revisions
    assert [row[0] for row in rows] == [revision.id for revision in known]
    assert all(row[1] == f"{row[0]}.py" and re.fullmatch("[0-9a-f]{64}", row[2]) for row in rows)
    assert all(row[3] and row[4] >= 0 for row in rows)
    assert not any(revision.edited for revision in known)
    place.query("UPDATE migrations SET checksum = 'x' WHERE revision = '0003_databases'")
    edited = [revision.id for revision in store.migrator.status().revisions if revision.edited]
    assert edited == ["0003_databases"]


@pytest.mark.parametrize("flavour", [Flavour.MARIADB, Flavour.MYSQL], ids=str)
def test_the_servers_own_defaults_do_not_matter(
    request: pytest.FixtureRequest,
    private_server: Callable[..., DatabaseServer],
    flavour: Flavour,
) -> None:
    ordinary: DatabaseServer = request.getfixturevalue(f"{flavour}_server")
    options = [
        "--default-storage-engine=MyISAM",
        "--character-set-server=latin1",
        "--collation-server=latin1_swedish_ci",
        "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
        "--default-time-zone=+05:00",
        "--explicit-defaults-for-timestamp=OFF"
        if flavour is Flavour.MARIADB
        else "--sql-require-primary-key=ON",
    ]
    odd = private_server(flavour, options)
    found = []
    for server in (ordinary, odd):
        database = f"altus4_defaults_{flavour}"
        server.execute(f"CREATE DATABASE {database}")
        place = server_place(server, database)
        with contextlib.closing(place.open()) as store:
            store.migrator.upgrade()
            user = store.users.create_(a_user(name="\\ ' \" 😀"), "x")
            assert store.users.list_() == [user]
            assert user.created_at is not None
            assert abs(user.created_at - datetime.now(UTC)) < timedelta(minutes=2)
        found.append(place.fingerprint())
        engines = place.query(
            "SELECT DISTINCT ENGINE, TABLE_COLLATION FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE()"
        )
        assert engines == [("InnoDB", "utf8mb4_bin")]
        server.drop_database(database)
    assert found[0] == found[1]


@pytest.mark.parametrize("place", ["mariadb"], indirect=True)
def test_a_table_that_keeps_the_places_of_dropped_columns(place: StorePlace, store: Store) -> None:
    """As after some thirty ways down and up: MariaDB has no place for another column."""
    whole = place.fingerprint()
    store.users.create_(a_user(), "x")
    for size in (10, 1):
        with pytest.raises(pymysql.err.OperationalError, match="Row size too large"):
            _add_and_drop(place, size)
    store.migrator.downgrade("0005")
    store.migrator.upgrade()
    assert place.fingerprint() == whole


def _add_and_drop(place: StorePlace, size: int) -> None:
    """So many columns at a time, again and again."""
    names = [f"wide_{number}" for number in range(size)]
    for _ in range(50):
        added = ", ".join(f"ADD COLUMN {name} VARCHAR(50)" for name in names)
        place.query(f"ALTER TABLE users {added}")
        dropped = ", ".join(f"DROP COLUMN {name}" for name in names)
        place.query(f"ALTER TABLE users {dropped}")
