"""A metadata store that several desktops share."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import TlsMode, TlsSettings
from altus4_desktop.domain.errors import AccessError, Cancelled, SchemaError, StoreError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.migrations import MigrationsService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.storage.store import Store, open_store
from tests.keyring_memory import MemoryKeyring
from tests.records import a_connection, a_user
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place


def _service(folder: Path, place: StorePlace) -> MetadataService:
    settings = Settings(
        folder,
        metadata_url_override=place.location.url,
        metadata_password_override=place.password,
    )
    return MetadataService(folder, settings, VaultService(folder, MemoryKeyring()))


def test_it_is_upgraded_only_after_somebody_agrees(on_server: StorePlace, tmp_path: Path) -> None:
    metadata = _service(tmp_path, on_server)
    before = on_server.checksum()
    report = metadata.check_(on_server.location.url, on_server.password)
    assert report.dialect == on_server.name
    assert report.tls is not None
    assert report.tls.encrypted == (on_server.name == "mysql")
    assert report.migrations is not None
    assert metadata.open_().pending == report.migrations.revisions != ()
    for _ in range(2):
        assert not metadata.is_open
        with pytest.raises(SchemaError) as caught:
            _ = metadata.store
        assert caught.value.code == "store.upgrade_needed"
    assert on_server.checksum() == before
    MigrationsService(metadata, Permissions(metadata)).upgrade_(None)
    assert metadata.is_open
    assert metadata.store.dialect == on_server.name
    assert not (tmp_path / "backups").exists()
    metadata.close_()


def test_a_session_speaks_utc_utf8_and_strictly(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    with store._engine.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT @@session.time_zone, @@session.sql_mode, @@character_set_client,"
            " @@session.autocommit"
        ).one()
    assert row[0] == "+00:00"
    assert "STRICT_ALL_TABLES" in row[1]
    assert row[2] == "utf8mb4"
    assert row[3] == 0
    user = store.users.create_(a_user(name="😀 字 é"), "x")
    assert on_server.query("SELECT HEX(name) FROM users")[0][0] == "😀 字 é".encode().hex().upper()
    on_server.query("SET GLOBAL time_zone = '+05:00'")
    try:
        with contextlib.closing(on_server.open()) as elsewhere:
            assert elsewhere.users.find_(user.id) == user
    finally:
        on_server.query("SET GLOBAL time_zone = 'SYSTEM'")
    store.close()


def test_a_cancelled_run_stops_after_its_step(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    token = CancelToken()

    def cancel(progress: Progress) -> None:
        if progress.message == "Undoing 0010_account_states":
            token.cancel()

    with pytest.raises(Cancelled):
        store.migrator.downgrade("0005", cancel, token=token)
    status = store.migrator.status()
    assert status.current == "0009_audit_log"
    assert store.migrator.drift() == ()
    store.migrator.upgrade()
    assert store.migrator.status().pending == ()
    store.close()


def test_what_was_done_is_written_down_on_a_server_too(
    on_server: StorePlace, tmp_path: Path
) -> None:
    metadata = _service(tmp_path, on_server)
    migrations = MigrationsService(metadata, Permissions(metadata))
    migrations.upgrade_(None)
    user = metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    admin = Actor(user.id, user.email, user.name, user.role)
    with pytest.raises(AccessError):
        migrations.downgrade_(None, "0010", without_copy=True)
    migrations.downgrade_(admin, "0010", without_copy=True)
    migrations.upgrade_(admin, without_copy=True)
    metadata.close_()
    rows = on_server.query("SELECT action, actor_id, subject_name FROM audit_log ORDER BY sequence")
    label = on_server.location.label
    assert [row for row in rows if str(row[0]).startswith("store.")] == [
        ("store.downgraded", user.id, label),
        ("store.upgraded", user.id, label),
    ]


def test_connections_that_were_cut_while_idle_are_replaced(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    user = store.users.create_(a_user(), "x")
    for (number,) in on_server.query(
        "SELECT ID FROM information_schema.PROCESSLIST"
        f" WHERE USER = '{on_server.location.username}'"
    ):
        with contextlib.suppress(Exception):
            on_server.query(f"KILL CONNECTION {number}")
    assert store.users.find_(user.id) == user
    store.close()


def test_failures_are_said_in_words_of_the_store(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    user = store.users.create_(a_user(), "x")
    with pytest.raises(StoreError) as caught:
        open_store(on_server.location, "CANARY")
    assert caught.value.code == "store.credentials"
    assert "CANARY" not in f"{caught.value!r} {caught.value.message} {caught.value.__cause__!r}"
    with pytest.raises(StoreError) as caught:
        open_store(replace(on_server.location, database="missing"), on_server.password)
    assert caught.value.code == "store.database"
    with pytest.raises(StoreError) as caught:
        open_store(replace(on_server.location, port=1), on_server.password)
    assert (caught.value.code, caught.value.retryable) == ("store.port", True)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        open_store(on_server.location, on_server.password, token=token)
    account = f"'{on_server.location.username}'@'%'"
    database = on_server.location.database
    on_server.query(f"REVOKE ALL PRIVILEGES ON `{database}`.* FROM {account}")
    on_server.query(f"GRANT SELECT ON `{database}`.* TO {account}")
    with contextlib.closing(on_server.open()) as reader:
        assert reader.users.find_(user.id) == user
        with pytest.raises(StoreError) as caught:
            reader.users.create_(a_user(), "x")
        assert caught.value.code == "store.denied"
        with pytest.raises(StoreError) as caught:
            reader.migrator.downgrade()
        assert caught.value.code == "store.denied"
    store.close()


def test_a_row_somebody_keeps_locked_is_said(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    record = store.connections.create_(a_connection(store.users.create_(a_user(), "x")))
    other = on_server.open()
    with other._engine.connect() as holder:
        holder.exec_driver_sql("SELECT * FROM `databases` FOR UPDATE")
        _be_impatient(store)
        with pytest.raises(StoreError) as caught:
            store.connections.delete_(record.id)
        assert (caught.value.code, caught.value.retryable) == ("store.busy", True)
        holder.rollback()
    store.connections.delete_(record.id)
    other.close()
    store.close()


def _be_impatient(store: Store) -> None:
    with store._engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")


def test_an_answer_that_makes_no_sense_is_not_taken_for_our_bug(on_server: StorePlace) -> None:
    """What PyMySQL raises over a mangled packet, while reading an answer and while committing."""
    store = on_server.open()
    store.migrator.upgrade()

    def mangle(*_: object) -> None:
        raise struct.error("unpack requires a buffer of 2 bytes")

    user = a_user()
    with _instead(store, "_read_query_result", mangle), pytest.raises(StoreError) as caught:
        store.users.list_()
    assert caught.value.code == "store.protocol"
    with pytest.raises(ZeroDivisionError):
        store.users._transactions.read(lambda _: 1 // 0)
    with pytest.raises(sa.exc.StatementError, match="time zone"):
        store.sign_ins.record_failure("x", datetime(2026, 1, 1))  # noqa: DTZ001  # the bug
    assert store.users.create_(user, "x").id == user.id
    store.close()


@contextlib.contextmanager
def _instead(store: Store, method: str, action: Callable[..., None]) -> Iterator[None]:
    """Break the next statement of a pooled session inside the driver."""

    def arm(connection: sa.Connection, cursor: Any, *_: object) -> None:
        session = connection.connection.dbapi_connection
        assert session is not None
        setattr(session, method, action)

    sa.event.listen(store._engine, "before_cursor_execute", arm)
    try:
        yield
    finally:
        sa.event.remove(store._engine, "before_cursor_execute", arm)


def test_its_certificate_can_be_pinned(mysql_server: DatabaseServer) -> None:
    # MySQL makes a certificate of its own when it first starts; nobody vouches for it.
    shown = (mysql_server.data_folder / "server-cert.pem").read_bytes()
    pin = x509.load_pem_x509_certificate(shown).fingerprint(hashes.SHA256()).hex()
    database = mysql_server.create_database("altus4_pinned")
    place = server_place(mysql_server, database)
    tls = TlsSettings(TlsMode.PINNED, pin_sha256=pin)
    pinned = parse_store_url(replace(place.location, tls=tls).url)
    with contextlib.closing(open_store(pinned, place.password)) as store:
        assert store.tls is not None
        assert store.tls.pinned
    other = replace(place.location, tls=replace(tls, pin_sha256="0" * 64))
    with pytest.raises(StoreError, match="pinned"):
        open_store(other, place.password)
    mysql_server.drop_database(database)
