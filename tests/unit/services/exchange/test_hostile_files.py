"""Files that somebody has made to do harm, and files that are just broken."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.exchange import ExchangeFormat, FileSource
from altus4_desktop.services.exchange.bundle import open_bundle
from altus4_desktop.services.exchange.detecting import READERS, detect_format
from altus4_desktop.services.exchange.reading import LARGEST_BYTES, MOST_ITEMS, decode_text
from altus4_desktop.services.exchange.service import read_file
from altus4_desktop.services.exchange.settling import settle
from tests import exchange_samples as samples

BOMB = """<?xml version="1.0"?>
<!DOCTYPE data [
 <!ENTITY a "aaaaaaaaaa"> <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
 <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
<data>&c;</data>"""
OUTSIDE = """<?xml version="1.0"?>
<!DOCTYPE data [<!ENTITY passwd SYSTEM "file:///etc/passwd">]>
<data><value type="object" struct-name="db.mgmt.Connection">
<value key="name">&passwd;</value></value></data>"""
PIECES = (
    samples.WORKBENCH,
    samples.DBEAVER,
    samples.HEIDISQL,
    samples.OPTION_FILE,
    samples.CSV,
    samples.URLS,
    '{"format": "altus4-connections", "version": 1, "connections": [{"pool": {"size": NaN}}]}',
    '{"format": "altus4-bundle", "version": 1, "passphrase": {}, "sealed": "v1.k.n.c"}',
)


def refused(text: str, kind: ExchangeFormat) -> AltusError:
    with pytest.raises(AltusError) as caught:
        READERS[kind](text)
    return caught.value


@pytest.mark.parametrize("text", [BOMB, OUTSIDE], ids=["growing", "leading elsewhere"])
def test_a_document_type_is_refused_before_anything_is_read(text: str) -> None:
    assert "document type" in refused(text, ExchangeFormat.WORKBENCH).message


def test_nested_deeply() -> None:
    assert refused("<a>" * 100_000, ExchangeFormat.WORKBENCH).code == "import.unreadable"
    deep = '{"connections":' + "[" * 200_000
    assert refused(deep, ExchangeFormat.DBEAVER).code == "import.unreadable"
    with pytest.raises(AltusError):
        detect_format(deep)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00\xd8",
        b"[client]\nuser=\x81\n",
        b"host\0name",
        b"host\0name\xff",
        b"\xfe\xff\xd8\x00",
        b"\xef\xbb\xbfuser=\xff",
    ],
)
def test_no_text(content: bytes) -> None:
    with pytest.raises(AltusError) as caught:
        decode_text(content)
    assert caught.value.code == "import.unreadable"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_with_and_without_a_mark(encoding: str) -> None:
    assert decode_text("Büro".encode(encoding)) == ("Büro", ())


def test_text_of_windows_is_read_and_that_is_said() -> None:
    text, (remark,) = decode_text("Büro – 5 €".encode("cp1252"))
    assert text == "Büro – 5 €"
    assert "Windows-1252" in remark.text


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(AltusError) as caught:
        read_file(FileSource(path))
    assert caught.value.code == "import.too_large"


def test_too_many_connections() -> None:
    rows = "\n".join(f"h{number},d,u" for number in range(MOST_ITEMS + 1))
    with pytest.raises(AltusError) as caught:
        settle(READERS[ExchangeFormat.CSV](f"host,database,user\n{rows}").found)
    assert caught.value.code == "import.too_many"


@pytest.mark.skipif(os.name != "posix", reason="pipes with a name are POSIX's")
@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "nowhere", Path("~nobody-here/x"), Path("a\0b")):
        with pytest.raises(AltusError):
            read_file(FileSource(path))
    table = f"host,database,user,tls,ca\nh,d,u,verify-ca,{pipe}\n"
    (item,) = settle(READERS[ExchangeFormat.CSV](table).found)
    assert item.draft is not None
    assert item.draft.tls.ca_file == ""


def test_files_on_other_computers_are_not_even_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(path: Path) -> bool:
        asked.append(str(path))
        return False

    monkeypatch.setattr(Path, "is_file", note)
    table = (
        "host,database,user,tls,ca,ssh,ssh_key\n"
        "h,d,u,verify-ca,\\\\evil.example\\share\\ca.pem,me@j,//evil.example/key\n"
    )
    settle(READERS[ExchangeFormat.CSV](table).found)
    assert asked == []


@st.composite
def broken_files(draw: st.DrawFn) -> str:
    """A file of one of the programs with some of it cut, doubled or replaced."""
    text = draw(st.sampled_from(PIECES))
    for _ in range(draw(st.integers(0, 6))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 40)))
        text = text[:begin] + draw(st.text(max_size=20)) + text[end:]
    return text


@given(text=broken_files())
@example(text="mysql://[::1/x")
@example(text="mysql://u:%ff@h/d")
@example(text='host,database\n"')
@example(text="[client]\nport=99999999999999999999")
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_but_our_own_errors_whatever_the_file_says(text: str) -> None:
    for kind, reader in READERS.items():
        try:
            items = settle(reader(text).found)
        except AltusError:
            continue
        assert all(item.name and item.name.isprintable() for item in items), kind
        assert all(item.draft is not None or item.reason is not None for item in items), kind
        for item in items:
            for remark in (*item.notes, *([item.reason] if item.reason else [])):
                assert remark.text
    for work in (detect_format, lambda text: open_bundle(text, "a passphrase")):
        try:
            work(text)
        except AltusError:
            continue


@given(content=st.binary(max_size=2_000))
@settings(max_examples=300, deadline=None)
def test_nothing_but_our_own_errors_whatever_the_bytes_are(content: bytes) -> None:
    try:
        text, _ = decode_text(content)
    except AltusError:
        return
    for reader in READERS.values():
        try:
            settle(reader(text).found)
        except AltusError:
            continue


def test_reading_takes_no_longer_the_worse_a_file_is() -> None:
    began = time.monotonic()
    for text in ("[client]\n" + "a=" + "\\" * 200_000, "host\n" + '"' * 100_001):
        for reader in READERS.values():
            try:
                settle(reader(text).found)
            except AltusError:
                continue
    assert time.monotonic() - began < 20
