"""What may be saved as a connection, and what a pasted URL means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import InputError
from altus4_desktop.services.connection_drafts import check_draft, parse_url

GOOD = ConnectionDraft("Books", "db.example.org", "books", "altus4_search", password_secret="pw")


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        ("db.example.org", "db.example.org"),
        ("  DB.Example.ORG ", "db.example.org"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("/var/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock"),
        ("bücher.example", "bücher.example"),
        ("db_1.local", "db_1.local"),
    ],
)
def test_hosts(given: str, saved: str) -> None:
    assert check_draft(replace(GOOD, host=given)).host == saved


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "a\nb"}),
        ("name", {"name": "x" * 256}),
        ("host", {"host": ""}),
        ("host", {"host": "mysql://db.example.org"}),
        ("host", {"host": "db.example.org:3306"}),
        ("host", {"host": "db example"}),
        ("host", {"host": "user@db"}),
        ("host", {"host": "db/books"}),
        ("port", {"port": 0}),
        ("port", {"port": 65536}),
        ("database", {"database": " "}),
        ("database", {"database": "x" * 65}),
        ("username", {"username": ""}),
        ("password", {"password_secret": "a\0b"}),
        ("size", {"pool": PoolSettings(size=0)}),
        ("size", {"pool": PoolSettings(size=101)}),
        ("acquire_timeout_s", {"pool": PoolSettings(acquire_timeout_s=0)}),
        ("query_timeout_s", {"pool": PoolSettings(query_timeout_s=float("nan"))}),
        ("idle_timeout_s", {"pool": PoolSettings(idle_timeout_s=float("inf"))}),
        ("connect_timeout_s", {"pool": PoolSettings(connect_timeout_s=301)}),
        ("ca_file", {"tls": TlsSettings(TlsMode.VERIFY_CA, "/no/such/file")}),
        ("ca_file", {"tls": TlsSettings(TlsMode.VERIFY_CA, "bad\0name")}),
        ("cert_file", {"tls": TlsSettings(TlsMode.REQUIRED, key_file=__file__)}),
    ],
)
def test_each_field_says_what_is_wrong_with_it(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        check_draft(replace(GOOD, **changes))
    assert caught.value.field == field
    assert "{" not in caught.value.message


def test_what_is_good_stays_as_it_is(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    draft = replace(GOOD, tls=TlsSettings(TlsMode.VERIFY_IDENTITY, f" {ca} "), password_secret="")
    assert check_draft(draft) == replace(draft, tls=TlsSettings(TlsMode.VERIFY_IDENTITY, str(ca)))


def test_files_do_not_matter_without_tls() -> None:
    draft = replace(GOOD, tls=TlsSettings(TlsMode.DISABLED, "/no/such/file"))
    assert check_draft(draft) == draft


def test_a_whole_url() -> None:
    draft = parse_url(
        " mysql://al%40ice:p%40ss%2Fw%C3%B6rd@db.example.org:3307/my%20books"
        "?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/ca.pem&charset=latin1&local_infile=1 "
    )
    assert draft == ConnectionDraft(
        name="my books",
        host="db.example.org",
        port=3307,
        database="my books",
        username="al@ice",
        password_secret="p@ss/wörd",
        tls=TlsSettings(TlsMode.VERIFY_IDENTITY, "/etc/ca.pem"),
    )
    assert "wörd" not in repr(draft)


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "password"),
    [
        ("mysql://h/d", "h", 3306, "", None),
        ("mysql://u@h/d", "h", 3306, "u", None),
        ("mysql://u:@h/d", "h", 3306, "u", ""),
        ("mysql://u:p@[2001:db8::1]:3310/d", "2001:db8::1", 3310, "u", "p"),
        ("mysql://u:p@[::1]/d", "::1", 3306, "u", "p"),
        ("MariaDB://u:p:q@h/d", "h", 3306, "u", "p:q"),
        ("mysql+pymysql://u:p@h@h2/d", "h2", 3306, "u", "p@h"),
        ("jdbc:mysql://u:p@h:1/d", "h", 1, "u", "p"),
    ],
)
def test_parts_of_urls(url: str, host: str, port: int, username: str, password: str | None) -> None:
    draft = parse_url(url)
    assert (draft.host, draft.port, draft.username, draft.password_secret) == (
        host,
        port,
        username,
        password,
    )


@pytest.mark.parametrize("mode", list(TlsMode))
def test_tls_modes_in_urls(mode: TlsMode) -> None:
    for spelling in (mode.value, mode.value.upper().replace("-", "_")):
        assert parse_url(f"mysql://h/d?ssl_mode={spelling}").tls.mode is mode
    assert parse_url("mysql://h/d").tls.mode is TlsMode.PREFERRED


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db.example.org",
        "postgresql://u:canary@h/d",
        "mysql://",
        "mysql://u:canary@/d",
        "mysql://u:canary@h:port/d",
        "mysql://u:canary@h:99999/d",
        "mysql://u:canary@h:-1/d",
        "mysql://u:canary@[::1/d",
        "mysql://u:canary@[::1]x/d",
        "mysql://u:canary/more@h/d",
        "mysql://u:canary%ff@h/d",
        "mysql://u:canary@h/d?ssl-mode=canary",
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_url(url)
    error = caught.value
    assert error.field == "url"
    assert "canary" not in f"{error!r} {error} {error.hint} {dict(error.details)}"
    assert error.__cause__ is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    for url in (text, f"mysql://{text}", f"mysql://u:p@h/{text}", f"mysql://h/d?ssl-mode={text}"):
        try:
            parse_url(url)
        except InputError as error:
            assert error.field == "url"  # noqa: PT017 (either outcome is right)
