"""Copies of a server's metadata database before it is changed: good ones, and none that is bad."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, TlsMode, TlsSettings
from altus4_desktop.domain.errors import Cancelled, StoreError
from altus4_desktop.domain.progress import Progress, ignore_progress
from altus4_desktop.storage.client_programs import Kind, ServerAccess, find_program
from altus4_desktop.storage.dump import ServerCopies
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.store import Store, open_store
from tests.certificates import create_authority
from tests.records import a_connection, a_search, a_user
from tests.servers import DatabaseServer, find_programs
from tests.stores import StorePlace, server_place

_NASTY = "p'\"\\#;=[x] \\n%s 'é😀"
_FAULTS = {
    "it refuses": ("echo refused >&2; exit 2", "refused"),
    "it complains and says it is done": ("echo odd >&2; echo '-- Dump completed'", "odd"),
    "it is killed": ("echo 'CREATE TABLE `users` ('; kill -9 $$", "code -9"),
    "it breaks off and says nothing": ("echo 'CREATE TABLE `users` ('", "breaks off"),
    "it writes nothing": ("true", "breaks off"),
    "a table is missing": ("echo 'CREATE TABLE `users` ('; echo '-- Dump completed'", "not in it"),
}


def _folders(flavour: Flavour) -> tuple[Path, ...]:
    return (find_programs(flavour).server.parent,) if flavour is Flavour.MYSQL else ()


def _flavour(place: StorePlace) -> Flavour:
    return Flavour(place.name)


@contextlib.contextmanager
def _opened(place: StorePlace, folder: Path, *folders: Path) -> Iterator[Store]:
    looked = folders or _folders(_flavour(place))
    store = open_store(
        place.location, place.password, backups=folder / "copies", dump_folders=looked
    )
    with contextlib.closing(store):
        yield store


def _a_program(folder: Path, flavour: Flavour, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    name = "mariadb-dump" if flavour is Flavour.MARIADB else "mysqldump"
    label = "MariaDB" if flavour is Flavour.MARIADB else "9.7"
    program = folder / name
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "x Ver {label}"; exit; fi\n{body}\n',
        encoding="utf-8",
    )
    program.chmod(0o700)
    return folder


def _fill(store: Store) -> None:
    user = store.users.create_(a_user(name="Ünïcödé 😀 \\ ' \""), "x")
    store.connections.create_(a_connection(user))
    for number in range(20):
        store.searches.add_(a_search(user, f"query {number} 字"))


def test_a_copy_restores_to_what_was_there(
    on_server: StorePlace, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{on_server.name}_server")
    with _opened(on_server, tmp_path) as store:
        assert store.migrator.upgrade().copy_file == "", "there was nothing to copy"
        _fill(store)
        before = _content(on_server)
        told: list[str] = []
        run = store.migrator.downgrade("0007", lambda progress: told.append(progress.message))
    copy = Path(run.copy_file)
    assert copy.parent == tmp_path / "copies"
    assert copy.name.endswith("-before-0008_sign_in_failures.sql.gz")
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert told[:2] == ["Copying the metadata store", "Reading the copy back"]
    assert _content(on_server) != before
    restored = server.create_database("altus4_restored")
    try:
        _restore(server, restored, copy)
        place = server_place(server, restored)
        assert _content(place) == before
        with contextlib.closing(place.open()) as again:
            assert again.migrator.drift() == ()
    finally:
        server.drop_database(restored)


def _content(place: StorePlace) -> object:
    names = place.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
    )
    rows = {
        str(name): sorted(map(repr, place.query(f"SELECT * FROM `{name}`"))) for (name,) in names
    }
    return place.fingerprint(), rows


def _restore(server: DatabaseServer, database: str, copy: Path) -> None:
    client = "mariadb"
    if server.flavour is Flavour.MYSQL:
        client = str(find_programs(Flavour.MYSQL).server.parent / "mysql")
    subprocess.run(
        [client, "--no-defaults", f"--socket={server.socket}", "--user=root", database],
        input=gzip.decompress(copy.read_bytes()),
        env={**os.environ, "MYSQL_PWD": server.root_password},
        check=True,
        timeout=120,
    )


def test_odd_passwords_reach_the_program_and_no_list_of_processes(
    on_server: StorePlace, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{on_server.name}_server")
    flavour = _flavour(on_server)
    account = server.create_account("ALL PRIVILEGES", on_server.location.database, password=_NASTY)
    place = replace(
        on_server,
        location=replace(on_server.location, username=account.username),
        password=_NASTY,
    )
    program = find_program(Kind.DUMP, flavour, _folders(flavour))
    assert program is not None
    seen = tmp_path / "seen"
    folder = _a_program(
        tmp_path / "bin",
        flavour,
        f'{{ printf "%s\\n" "$@"; env; }} >>"{seen}"; exec "{program.path}" "$@"',
    )
    with _opened(place, tmp_path, folder) as store:
        store.migrator.upgrade()
        _fill(store)
        assert store.migrator.downgrade("0010").copy_file
    told = seen.read_text("utf-8")
    assert "--single-transaction" in told
    assert place.location.database in told
    for secret in (_NASTY, account.username, server.root_password):
        assert secret not in told
    assert _NASTY.encode() not in b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )


def test_a_bad_copy_is_none_and_nothing_is_changed(on_server: StorePlace, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    _a_program(folder, _flavour(on_server), "true")
    with _opened(on_server, tmp_path, folder) as store:
        store.migrator.upgrade()
        before = on_server.checksum()
        for fault, (body, said) in _FAULTS.items():
            _a_program(folder, _flavour(on_server), body)
            with pytest.raises(StoreError) as caught:
                store.migrator.downgrade()
            assert caught.value.code == "store.copy_failed", fault
            assert said in caught.value.message, fault
            assert list((tmp_path / "copies").iterdir()) == [], fault
        assert on_server.checksum() == before


def test_without_a_program_somebody_has_to_agree(
    on_server: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("altus4_desktop.storage.client_programs._PLACES", ())
    other = Flavour.MYSQL if _flavour(on_server) is Flavour.MARIADB else Flavour.MARIADB
    strangers = _a_program(tmp_path / "bin", other, "echo '-- Dump completed'")
    # The other flavour's program under this one's name.
    (strangers / "mysqldump").write_bytes(next(strangers.iterdir()).read_bytes())
    (strangers / "mysqldump").chmod(0o700)
    with _opened(on_server, tmp_path, strangers) as store:
        store.migrator.upgrade()
        assert not store.migrator.copies_first
        before = on_server.checksum()
        with pytest.raises(StoreError) as caught:
            store.migrator.downgrade("0005")
        assert caught.value.code == "store.no_copy"
        assert on_server.checksum() == before
        assert store.migrator.downgrade("0005", without_copy=True).copy_file == ""
        assert store.migrator.status().current == "0005_analytics"


def test_a_cancelled_copy_leaves_nothing(on_server: StorePlace, tmp_path: Path) -> None:
    copies = "head -c 3000000 /dev/zero; exec sleep 120"
    body = f'[ "$1" = --no-defaults ] || {{ {copies}; }}'
    folder = _a_program(tmp_path / "bin", _flavour(on_server), body)
    token = CancelToken()

    def cancel(progress: Progress) -> None:
        if "MiB" in progress.message:
            token.cancel()

    with _opened(on_server, tmp_path, folder) as store:
        store.migrator.upgrade()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            store.migrator.downgrade("0005", cancel, token=token)
        assert time.monotonic() - began < 60, "the program was waited for"
        assert store.migrator.status().pending == ()
        # The lock is given back: the next one need not wait for it.
        assert store.migrator.downgrade("0010", without_copy=True).revisions
    assert list((tmp_path / "copies").iterdir()) == []


@pytest.mark.parametrize("flavour", [Flavour.MARIADB, Flavour.MYSQL], ids=str)
def test_the_program_checks_the_server_as_the_store_does(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    authority = create_authority(tmp_path, "good")
    certificate, key = authority.issue(tmp_path, "server")
    stranger = create_authority(tmp_path, "stranger")
    server = private_server(
        flavour,
        [f"--ssl-ca={authority.file}", f"--ssl-cert={certificate}", f"--ssl-key={key}"],
    )
    place = server_place(server, server.create_database("altus4_metadata"))
    for mode in (TlsMode.REQUIRED, TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY):
        tls = TlsSettings(mode, ca_file=str(authority.file))
        secure = replace(place, location=replace(place.location, tls=tls))
        with _opened(secure, tmp_path) as store:
            assert store.tls is not None
            assert store.tls.encrypted
            store.migrator.upgrade()
            assert store.migrator.downgrade("0010").copy_file, mode
    access = ServerAccess(
        replace(
            place.location, tls=TlsSettings(TlsMode.VERIFY_IDENTITY, ca_file=str(stranger.file))
        ),
        place.password or "",
        flavour,
        True,
        _folders(flavour),
    )
    with pytest.raises(StoreError) as caught:
        ServerCopies(access, tmp_path / "none").make("x", (), ignore_progress, CancelToken())
    assert caught.value.code == "store.copy_failed"
    assert "certificate" in caught.value.message.lower()
    pinned = TlsSettings(TlsMode.PINNED, pin_sha256="0" * 64)
    pinned_access = replace(access, location=replace(place.location, tls=pinned))
    assert pinned_access.find(Kind.DUMP) is None


def test_a_copy_takes_no_less_than_the_stores_own_session() -> None:
    def lines(flavour: Flavour, mode: TlsMode, *, encrypted: bool) -> list[str]:
        place = replace(_somewhere(), tls=TlsSettings(mode, ca_file="/ca.pem"))
        access = ServerAccess(place, "secret", flavour, encrypted)
        assert "secret" not in repr(access)
        return access.option_text().splitlines()

    for mode, wanted in (
        (TlsMode.REQUIRED, "ssl-mode=REQUIRED"),
        (TlsMode.VERIFY_CA, "ssl-mode=VERIFY_CA"),
        (TlsMode.VERIFY_IDENTITY, "ssl-mode=VERIFY_IDENTITY"),
        (TlsMode.PREFERRED, "ssl-mode=REQUIRED"),
    ):
        assert wanted in lines(Flavour.MYSQL, mode, encrypted=True)
        assert "skip-ssl" not in lines(Flavour.MARIADB, mode, encrypted=True)
        assert "ssl" in lines(Flavour.MARIADB, mode, encrypted=True)
    assert "ssl-mode=DISABLED" in lines(Flavour.MYSQL, TlsMode.PREFERRED, encrypted=False)
    assert "skip-ssl" in lines(Flavour.MARIADB, TlsMode.DISABLED, encrypted=False)
    for mode in (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY):
        found = lines(Flavour.MARIADB, mode, encrypted=True)
        assert "ssl-verify-server-cert" in found
        assert 'ssl-ca="/ca.pem"' in found


def _somewhere() -> StoreLocation:
    return StoreLocation(host="db.example.org", username="ada", database="meta")
