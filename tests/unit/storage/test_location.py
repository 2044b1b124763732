"""Metadata URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.domain.connections import TlsMode, TlsSettings
from altus4_desktop.domain.errors import InputError
from altus4_desktop.storage.location import StoreLocation, parse_store_url


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("sqlite:////var/lib/a.db", StoreLocation(file=Path("/var/lib/a.db"))),
        (" sqlite:////tmp/with%20space%3F.db ", StoreLocation(file=Path("/tmp/with space?.db"))),
        (
            "mysql://ada@db.example.org/meta",
            StoreLocation(
                host="db.example.org",
                username="ada",
                database="meta",
                tls=TlsSettings(TlsMode.VERIFY_IDENTITY),
            ),
        ),
        (
            "mysql://a%40b@127.0.0.1:3307/m%2Dx?tls=verify-ca&ca=/etc/ca.pem&cert=/c&key=/k",
            StoreLocation(
                host="127.0.0.1",
                port=3307,
                username="a@b",
                database="m-x",
                tls=TlsSettings(TlsMode.VERIFY_CA, "/etc/ca.pem", "/c", "/k"),
            ),
        ),
        (
            f"mysql://ada@db.example.org/meta?tls=pinned&pin={':'.join(['AB'] * 32)}",
            StoreLocation(
                host="db.example.org",
                username="ada",
                database="meta",
                tls=TlsSettings(TlsMode.PINNED, pin_sha256="ab" * 32),
            ),
        ),
        (
            "mysql://ada@[::1]:3306/meta",
            StoreLocation(
                host="::1", username="ada", database="meta", tls=TlsSettings(TlsMode.PREFERRED)
            ),
        ),
    ],
)
def test_reads_and_writes_a_url(url: str, location: StoreLocation) -> None:
    assert parse_store_url(url) == location
    assert parse_store_url(location.url) == location


def test_a_relative_file_is_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_store_url("sqlite:///here.db").file == tmp_path / "here.db"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql://x@y/z",
        "sqlite://",
        "sqlite:///",
        "sqlite:file.db",
        "mysql://",
        "mysql://host/db",
        "mysql://user@/db",
        "mysql://user@host",
        "mysql://user@host/a/b",
        "mysql://user@host:99999/db",
        "mysql://user@host:x/db",
        "mysql://user@host/db?tls=maybe",
        "mysql://user@host/db?local_infile=1",
        "mysql://user@host/db?tls",
        "mysql://user@ho%00st/db",
        "mysql://user@host/db?tls=pinned",
        "mysql://user@host/db?tls=pinned&pin=abc",
        f"mysql://user@host/db?tls=required&pin={'a' * 64}",
        f"mysql://user@127.0.0.1/db?pin={'a' * 64}",
    ],
)
def test_refuses_what_it_cannot_read(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_store_url(url)
    assert caught.value.field == "metadata_url"
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:CANARY@host/db",
        "mysql://ada@host/db?password=CANARY",
        "mysql://ada@host/db?passwd=CANARY",
        "mysql://ada:CANARY@host:x/db",
        "mysql://ada:CANARY@[host/db",
    ],
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_store_url(url)
    error: BaseException | None = caught.value
    while error is not None:
        assert "CANARY" not in f"{error!r} {error}"
        error = error.__cause__


def test_the_password_is_in_no_text_of_a_location() -> None:
    location = parse_store_url("mysql://ada@db.example.org/meta")
    target = location.target("CANARY", 1.0)
    assert target.password_secret == "CANARY"
    assert "CANARY" not in f"{location} {location.url} {location.label} {target}"
