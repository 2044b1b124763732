"""Where a live schema departs from the models, and what going back would take away."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.domain.errors import SchemaError
from altus4_desktop.domain.revisions import DriftItem, DriftKind, LossItem, SchemaPart
from altus4_desktop.storage.drift import schema_at
from altus4_desktop.storage.revision_files import SCRIPTS, known_revisions
from altus4_desktop.storage.store import Store
from tests.records import a_connection, a_search, a_user
from tests.stores import StorePlace, file_place

_IDS = [revision.id for revision in known_revisions()]
_Key = tuple[DriftKind, SchemaPart, str, str]


def _named(found: tuple[DriftItem, ...]) -> set[_Key]:
    return {(item.kind, item.part, item.table, item.name) for item in found}


def test_no_revision_departs_from_itself(place: StorePlace, store: Store) -> None:
    for revision in reversed(_IDS):
        store.migrator.downgrade(revision)
        assert store.migrator.drift() == (), revision
    store.migrator.downgrade()
    assert store.migrator.drift() == ()


def test_the_revisions_and_the_models_are_one_schema() -> None:
    at_the_end = schema_at(_IDS[-1], SCRIPTS)
    assert len(at_the_end) > 150
    assert at_the_end != schema_at(_IDS[-2], SCRIPTS)
    assert {key for key in schema_at(None, SCRIPTS) if key[1] == "users"} == set()


def test_every_kind_of_departure_on_a_server_is_named(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    foreign_key = on_server.query(
        "SELECT CONSTRAINT_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA ="
        " DATABASE() AND TABLE_NAME = 'databases' AND REFERENCED_TABLE_NAME = 'users'"
    )[0][0]
    for statement in (
        "DROP TABLE key_uses",
        "CREATE TABLE strange (a INT)",
        "CREATE VIEW harmless AS SELECT 1 AS one",
        "ALTER TABLE users MODIFY name VARCHAR(100) NULL DEFAULT 'x'",
        "ALTER TABLE users MODIFY updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP",
        "ALTER TABLE users DROP COLUMN timezone",
        "ALTER TABLE users ADD COLUMN mood INT",
        "ALTER TABLE searches MODIFY query VARCHAR(1000) COLLATE utf8mb4_bin NOT NULL",
        "ALTER TABLE searches MODIFY search_mode ENUM('natural','boolean') DEFAULT 'natural'",
        "ALTER TABLE searches DROP INDEX ft_query",
        "CREATE UNIQUE INDEX idx_new ON analytics (metric_name, analytics_date)",
        f"ALTER TABLE `databases` DROP FOREIGN KEY {foreign_key}",
        "ALTER TABLE sign_in_failures ENGINE = MyISAM",
        "ALTER TABLE analytics ADD CONSTRAINT ck_more CHECK (metric_name <> 'x')",
        "CREATE TRIGGER tr_more BEFORE INSERT ON analytics FOR EACH ROW SET NEW.id = NEW.id",
    ):
        on_server.query(statement)
    found = store.migrator.drift()
    store.close()
    different, missing, extra = DriftKind.DIFFERENT, DriftKind.MISSING, DriftKind.EXTRA
    assert _named(found) == {
        (missing, SchemaPart.TABLE, "key_uses", ""),
        (extra, SchemaPart.TABLE, "strange", ""),
        (different, SchemaPart.COLUMN, "users", "name"),
        (different, SchemaPart.COLUMN, "users", "updated_at"),
        (missing, SchemaPart.COLUMN, "users", "timezone"),
        (missing, SchemaPart.INDEX, "users", "idx_users_timezone"),
        (extra, SchemaPart.COLUMN, "users", "mood"),
        (different, SchemaPart.COLUMN, "searches", "query"),
        (different, SchemaPart.COLUMN, "searches", "search_mode"),
        (missing, SchemaPart.INDEX, "searches", "ft_query"),
        (extra, SchemaPart.INDEX, "analytics", "idx_new"),
        (missing, SchemaPart.FOREIGN_KEY, "databases", "user_id"),
        (different, SchemaPart.TABLE, "sign_in_failures", ""),
        (extra, SchemaPart.CHECK, "analytics", "ck_more"),
        (extra, SchemaPart.TRIGGER, "analytics", "tr_more"),
    }
    texts = {(item.table, item.name): (item.expected, item.found) for item in found}
    assert texts["users", "name"] == (
        "varchar(255), not null, utf8mb4_bin",
        "varchar(100), default x, utf8mb4_bin",
    )
    assert texts["sign_in_failures", ""] == ("InnoDB, utf8mb4_bin", "MyISAM, utf8mb4_bin")
    assert texts["analytics", "idx_new"] == ("", "unique (metric_name, analytics_date)")


def _indexes(store: Store) -> dict[str, tuple[str, str]]:
    return {
        item.name: (item.expected, item.found)
        for item in store.migrator.drift()
        if item.part is SchemaPart.INDEX
    }


def test_how_an_index_on_a_server_sorts_and_what_it_holds_is_compared(
    on_server: StorePlace,
) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    on_mysql = on_server.name == "mysql"
    for statement in (
        "ALTER TABLE users DROP INDEX idx_role, ADD INDEX idx_role (role DESC)",
        "ALTER TABLE users DROP INDEX idx_email, ADD INDEX idx_email (email(20))",
        "CREATE INDEX idx_both ON analytics (metric_name(5) DESC, analytics_date)",
    ):
        on_server.query(statement)
    if on_mysql:
        on_server.query("CREATE INDEX idx_low ON users ((LOWER(email)))")
    found = _indexes(store)
    store.close()
    low = found.pop("idx_low", ("", ""))
    assert found == {
        "idx_role": ("(role)", "(role desc)"),
        "idx_email": ("(email)", "(email(20))"),
        "idx_both": ("", "(metric_name(5) desc, analytics_date)"),
    }
    assert low == (("", "((lower(`email`)))") if on_mysql else ("", ""))


def test_how_an_index_in_a_file_sorts_and_what_it_holds_is_compared(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    store = place.open()
    store.migrator.upgrade()
    for statement in (
        "DROP INDEX users_idx_email",
        "CREATE INDEX users_idx_email ON users (email COLLATE NOCASE DESC)",
        "DROP INDEX users_idx_role",
        """CREATE INDEX users_idx_role ON users (role)
             WHERE name <> ') WHERE' AND timezone""",
        "CREATE INDEX idx_low ON users (lower(email), role DESC) WHERE role = 'user'",
    ):
        place.query(statement)
    found = _indexes(store)
    store.close()
    assert found == {
        "users_idx_email": ("(email)", "(email collate nocase desc)"),
        "users_idx_role": ("(role)", "(role) where name <> ') WHERE' AND timezone"),
        "idx_low": ("", "(lower(email), role DESC) where role = 'user'"),
    }


def test_checks_without_a_name_are_found_in_a_file(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    store = place.open()
    store.migrator.upgrade()
    for statement in (
        "ALTER TABLE key_uses ADD COLUMN mood INT CHECK ((mood > 1) OR mood IN (-1, 0))",
        "ALTER TABLE key_uses ADD COLUMN tone TEXT CONSTRAINT ck_tone check(tone <> ') CHECK (')",
        "ALTER TABLE key_uses ADD COLUMN plain INT /* CHECK (plain) */",
    ):
        place.query(statement)
    found = {item.name: item for item in store.migrator.drift() if item.part is SchemaPart.CHECK}
    store.close()
    assert {name: item.kind for name, item in found.items()} == {
        "mood > 1 OR mood IN -1, 0": DriftKind.EXTRA,
        "ck_tone": DriftKind.EXTRA,
    }
    assert "CHECK" in found["ck_tone"].found


def test_a_newer_store_is_not_compared(place: StorePlace, store: Store) -> None:
    place.query("UPDATE alembic_version SET version_num = '0100_later'")
    with pytest.raises(SchemaError) as caught:
        store.migrator.drift()
    assert caught.value.code == "store.newer"


def test_what_would_be_lost_is_what_is_lost(place: StorePlace, store: Store) -> None:
    users = [store.users.create_(a_user(), "x") for _ in range(3)]
    connection = store.connections.create_(a_connection(users[0]))
    for number in range(5):
        store.searches.add_(a_search(users[1], f"query {number}"))
    place.query(f"UPDATE users SET timezone = 'Europe/Paris' WHERE id = '{users[0].id}'")
    place.query("UPDATE users SET preferences = NULL")
    before = place.checksum()
    some = store.migrator.loss("0005_analytics")
    assert LossItem("users", "timezone", 1) in some.items
    assert not [item for item in some.items if item.column == "preferences"]
    everything = store.migrator.loss()
    counts = {(item.table, item.column): item.count for item in everything.items}
    assert counts["users", ""] == 3
    assert counts["searches", ""] == 5
    assert counts["databases", ""] == 1
    # Of a table that goes, its columns say nothing more; what stands for the text is no table.
    assert not any(column for _, column in counts)
    assert not any(table.startswith("ft_query") for table, _ in counts)
    assert [revision.id for revision in everything.revisions] == list(reversed(_IDS))
    assert place.checksum() == before
    store.migrator.downgrade("0005_analytics")
    assert store.connections.list_(None)[0].name == connection.name
    assert store.migrator.loss("0005_analytics").revisions == ()
    assert store.migrator.loss("0004_searches").items == ()
