"""What is read from the files of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Environment, SshMethod, SshSettings, TlsMode
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.exchange import ExchangeFormat, ImportItem, ItemState
from altus4_desktop.services.exchange.detecting import READERS, detect_format
from altus4_desktop.services.exchange.document import build_document, read_document
from altus4_desktop.services.exchange.reading import Reading
from altus4_desktop.services.exchange.settling import settle
from tests import exchange_samples as samples

FILES = {
    ExchangeFormat.WORKBENCH: samples.WORKBENCH,
    ExchangeFormat.DBEAVER: samples.DBEAVER,
    ExchangeFormat.HEIDISQL: samples.HEIDISQL,
    ExchangeFormat.OPTION_FILE: samples.OPTION_FILE,
    ExchangeFormat.CSV: samples.CSV,
    ExchangeFormat.URLS: samples.URLS,
}


def read(kind: ExchangeFormat, text: str = "") -> tuple[Reading, dict[str, ImportItem]]:
    reading = READERS[kind](text or FILES[kind])
    return reading, {item.name: item for item in settle(reading.found)}


def told(item: ImportItem) -> str:
    return " ".join(note.text for note in (*item.notes, *([item.reason] if item.reason else [])))


def places(items: Sequence[ImportItem]) -> list[tuple[str, int, str, str]]:
    drafts = [item.draft for item in items if item.draft is not None]
    return [(draft.host, draft.port, draft.database, draft.username) for draft in drafts]


@pytest.mark.parametrize("kind", FILES, ids=str)
def test_the_content_tells_the_format(kind: ExchangeFormat) -> None:
    assert detect_format("\n " + FILES[kind]) is kind


@pytest.mark.parametrize("text", ["", "hello\nworld", '{"a": 1}', "name,age\nx,1"])
def test_where_nothing_tells_the_format_is_asked_for(text: str) -> None:
    with pytest.raises(InputError) as caught:
        detect_format(text)
    assert caught.value.field == "format"


def test_workbench() -> None:
    reading, items = read(ExchangeFormat.WORKBENCH)
    assert "keyring" in reading.remarks[0].text
    shop, tunnel, socket = (items[name] for name in ("Shop (live)", "Behind the bastion", "Socket"))
    assert places([shop]) == [("db.example.org", 3307, "shop", "reader & writer")]
    assert shop.draft is not None
    assert shop.draft.tls.mode is TlsMode.VERIFY_IDENTITY
    assert shop.password_missing
    assert not shop.lacks
    assert tunnel.draft is not None
    # Its key file is on another computer.
    assert tunnel.draft.ssh == SshSettings("bastion.example.org", "deploy", 2222)
    assert "/nowhere/id_ed25519" in told(tunnel)
    assert tunnel.lacks == ("database",)
    assert places([socket]) == [("/run/mysqld/mysqld.sock", 3306, "notes", "me")]
    assert "notes" in told(socket)
    assert items["Fabric"].state is ItemState.UNUSABLE
    assert "fabric" in told(items["Fabric"])


def test_an_unknown_tls_setting_of_workbench_is_the_strictest() -> None:
    text = samples.WORKBENCH.replace('key="useSSL">1<', 'key="useSSL">9<')
    item = read(ExchangeFormat.WORKBENCH, text)[1]["Behind the bastion"]
    assert item.draft is not None
    assert item.draft.tls.mode is TlsMode.VERIFY_IDENTITY


def test_dbeaver() -> None:
    _, items = read(ExchangeFormat.DBEAVER)
    shop, old, url = (items[name] for name in ("Shop", "Old one", "By URL"))
    assert shop.draft is not None
    assert shop.draft.ssh == SshSettings("jump.example.org", "deploy", 2222)
    assert shop.draft.environment is Environment.PROD
    assert shop.draft.tls.mode is TlsMode.VERIFY_CA
    assert shop.lacks == ("username",)
    assert old.draft is not None
    assert old.draft.password_secret == "plain-old"
    assert old.draft.tls.mode is TlsMode.DISABLED
    assert "TLS" in told(old)
    assert places([url]) == [("url.example.org", 3310, "x", "")]
    assert url.draft is not None
    assert url.draft.tls.mode is TlsMode.VERIFY_IDENTITY
    for name, why in (("PG", "postgresql"), ("Hops", "several"), ("Profiled", "office")):
        assert items[name].state is ItemState.UNUSABLE
        assert why in told(items[name])


def test_heidisql_and_its_passwords_that_are_only_obscured() -> None:
    reading, items = read(ExchangeFormat.HEIDISQL)
    assert "obscured" in reading.remarks[0].text
    assert "canary" not in repr(reading)
    assert places([items["Local / shop"], items["Local / crm"]]) == [
        ("127.0.0.1", 3307, "shop", "root"),
        ("127.0.0.1", 3307, "crm", "root"),
    ]
    assert items["Local / shop"].password_missing
    acme = items["Customers / Acme"]
    assert acme.draft is not None
    assert acme.draft.tls.mode is TlsMode.REQUIRED
    assert acme.draft.ssh == SshSettings("bastion.example.org", "deploy", 2222)
    assert "PuTTY" in told(acme)
    assert "PostgreSQL" in told(items["PG"])


def test_a_tunnel_of_heidisql_that_is_switched_off() -> None:
    text = samples.HEIDISQL + r"Servers\Customers\Acme\SSHtunnelActive<|||>3<|||>0"
    acme = read(ExchangeFormat.HEIDISQL, text)[1]["Customers / Acme"]
    assert acme.draft is not None
    assert acme.draft.ssh is None


def test_option_file() -> None:
    reading, items = read(ExchangeFormat.OPTION_FILE)
    assert "(1)" in reading.remarks[0].text
    assert list(items) == ["shop", "live", "socket"]
    base, live, socket = items.values()
    assert base.draft is not None
    assert live.draft is not None
    assert socket.draft is not None
    assert base.draft.password_secret == 'with # and "quotes" \\ and spaces '
    assert places([base, live, socket]) == [
        ("db.example.org", 3306, "shop", "reader"),
        ("live.example.org", 3308, "shop", "reader"),
        ("/run/mysqld/mysqld.sock", 3306, "shop", "reader"),
    ]
    # A bare word asks, an empty value is the password of an account that has none.
    assert live.password_missing
    assert socket.draft.password_secret == ""
    assert base.draft.tls.mode is TlsMode.VERIFY_IDENTITY


@pytest.mark.parametrize(
    ("lines", "mode"),
    [
        ("ssl-ca=/nowhere/ca.pem", TlsMode.VERIFY_CA),
        ("ssl", TlsMode.REQUIRED),
        ("ssl=0", TlsMode.DISABLED),
        ("skip_ssl", TlsMode.DISABLED),
        ("ssl-verify-server-cert", TlsMode.VERIFY_IDENTITY),
        ("ssl-mode=REQUIRED", TlsMode.REQUIRED),
        ("ssl-mode=SOMETIMES", TlsMode.VERIFY_IDENTITY),
        ("loose-ssl-mode=REQUIRED", TlsMode.REQUIRED),
        ("", TlsMode.PREFERRED),
    ],
)
def test_tls_of_an_option_file(lines: str, mode: TlsMode) -> None:
    text = f"[client]\nhost=h\nuser=u\ndatabase=d\n{lines}\n"
    item = read(ExchangeFormat.OPTION_FILE, text)[1]["d"]
    assert item.draft is not None
    assert item.draft.tls.mode is mode


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("plain", "plain"),
        ("'single # quoted'", "single # quoted"),
        (r"tab\tnew\nback\\slash\sspace", "tab\tnew\nback\\slash space"),
        (r"\x stays", r"\x stays"),
        ("a#b", "a"),
        ("  spaces around  ", "spaces around"),
        ("", ""),
    ],
)
def test_values_of_an_option_file(written: str, password: str) -> None:
    text = f"[client]\nhost=h\nuser=u\ndatabase=d\npassword={written}\n"
    item = read(ExchangeFormat.OPTION_FILE, text)[1]["d"]
    assert item.draft is not None
    assert item.draft.password_secret == password


def test_csv() -> None:
    reading, items = read(ExchangeFormat.CSV)
    assert "colour" in reading.remarks[0].text
    shop = items["Shop"]
    assert shop.draft is not None
    assert shop.draft.password_secret == "pass;word"
    assert shop.draft.environment is Environment.PROD
    assert shop.draft.tls.mode is TlsMode.VERIFY_CA
    # What a spreadsheet would run is a name like any other here.
    formula = items["=cmd|' /C calc'!A0"]
    assert formula.draft is not None
    assert formula.draft.ssh == SshSettings("bastion.example.org", "deploy", 2222, SshMethod.AGENT)
    assert formula.password_missing
    assert "65535" in told(items["Wrong"])
    assert "sometimes" in told(items["Odd"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_table_is_found(delimiter: str) -> None:
    text = "host,database,user\nh,d,u\n".replace(",", delimiter)
    assert detect_format(text) is ExchangeFormat.CSV
    assert places(settle(READERS[ExchangeFormat.CSV](text).found)) == [("h", 3306, "d", "u")]


def test_urls_and_never_the_line_that_is_none() -> None:
    reading, items = read(ExchangeFormat.URLS)
    assert list(items) == ["shop", "crm", "line 5"]
    shop = items["shop"].draft
    assert shop is not None
    assert (shop.password_secret, shop.tls.mode) == ("p@ss", TlsMode.VERIFY_IDENTITY)
    assert items["line 5"].state is ItemState.UNUSABLE
    assert "canary" not in repr(reading)


def test_a_document_of_our_own_comes_back_without_secrets() -> None:
    found = read_document(samples_document(with_secrets=False))
    assert [one.draft for one in found.found] == [
        one.draft for one in read_document(samples_document(with_secrets=True)).found
    ]
    assert all(one.draft and one.draft.password_secret is None for one in found.found)
    assert "plain-old" not in samples_document(with_secrets=False)
    inside = read_document(samples_document(with_secrets=True), with_secrets=True)
    assert "plain-old" in {one.draft.password_secret for one in inside.found if one.draft}


def samples_document(*, with_secrets: bool) -> str:
    items = settle(READERS[ExchangeFormat.DBEAVER](samples.DBEAVER).found)
    drafts = [item.draft for item in items if item.draft is not None]
    return build_document(drafts, with_secrets=with_secrets)


@pytest.mark.parametrize(
    "change",
    [
        ('"mode": "verify-ca"', '"mode": "none"'),
        ('"size": 10', '"size": 1e400'),
        ('"size": 10', '"size": "many"'),
        ('"environment": "prod"', '"environment": "moon"'),
    ],
)
def test_what_a_document_says_wrongly_is_not_guessed(change: tuple[str, str]) -> None:
    text = samples_document(with_secrets=False)
    assert change[0] in text
    items = settle(read_document(text.replace(*change)).found)
    assert ItemState.UNUSABLE in {item.state for item in items}


def test_a_document_of_a_later_program_is_refused() -> None:
    text = samples_document(with_secrets=False).replace('"version": 1', '"version": 2')
    with pytest.raises(AltusError) as caught:
        read_document(text)
    assert caught.value.code == "import.newer"


def test_a_file_that_is_here_is_kept(tmp_path: Path) -> None:
    ca, key = tmp_path / "ca.pem", tmp_path / "key"
    ca.write_text("a certificate")
    key.write_text("a key")
    text = f"host,database,username,tls,ca,ssh,ssh_key\nh,d,u,verify-ca,{ca},me@jump,{key}\n"
    (item,) = settle(READERS[ExchangeFormat.CSV](text).found)
    assert item.draft is not None
    assert item.draft.tls.ca_file == str(ca)
    assert item.draft.ssh is not None
    assert item.draft.ssh.key_file == str(key)
    assert item.notes == ()
