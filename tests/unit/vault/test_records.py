"""Sealed records: what opens, and that nothing else does."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.vault.records import (
    Binding,
    _associated_data,
    build_key_id,
    is_session_key_id,
    key_id_of,
    open_bytes,
    seal_bytes,
)

KEY = bytes(range(32))
KEY_ID = build_key_id(KEY)
PLACE = Binding(
    "databases",
    "password_encrypted",
    "row-1",
    "user-1",
    "db.example.org",
    3306,
    "search",
    "required",
)


def test_a_record_opens_where_it_was_sealed() -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE)
    assert open_bytes(KEY, record, PLACE) == b"s3cret"
    version, key_id, nonce, sealed = record.split(".")
    assert (version, key_id) == ("v1", KEY_ID)
    assert len(base64.urlsafe_b64decode(nonce + "==")) == 12
    assert b"s3cret" not in base64.urlsafe_b64decode(sealed + "==")
    assert key_id_of(record) == KEY_ID


def test_the_same_secret_never_gives_the_same_record() -> None:
    records = {seal_bytes(KEY, KEY_ID, b"", PLACE) for _ in range(1000)}
    assert len({record.split(".")[2] for record in records}) == 1000


def test_every_flipped_bit_is_refused() -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE).encode()
    for at in range(len(record)):
        for bit in range(8):
            changed = bytearray(record)
            changed[at] ^= 1 << bit
            with pytest.raises(VaultError):
                open_bytes(KEY, changed.decode("latin-1"), PLACE)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: "",
        lambda record: record[3:],
        lambda record: record[:-1],
        lambda record: record + "A",
        lambda record: record + "=",
        lambda record: record + "\n",
        lambda record: " " + record,
        lambda record: record.replace("v1.", "v2.", 1),
        lambda record: record.replace("v1.", "V1.", 1),
        lambda record: record.rsplit(".", 1)[0],
        lambda record: record.rsplit(".", 1)[0] + ".",
        lambda record: record + "." + record,
        lambda record: record.replace(KEY_ID, KEY_ID.upper()),
        lambda record: record.replace(KEY_ID, ""),
        lambda record: record.replace(KEY_ID, KEY_ID + "é"),
        lambda record: record.replace(".", "\N{FULLWIDTH FULL STOP}"),
    ],
)
def test_only_the_exact_form_is_a_record(change: Callable[[str], str]) -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE)
    changed = change(record)
    assert changed != record
    with pytest.raises(VaultError):
        open_bytes(KEY, changed, PLACE)


def test_another_spelling_of_the_same_bytes_is_no_record() -> None:
    record = seal_bytes(KEY, KEY_ID, b"123", PLACE)
    head, _, sealed = record.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(sealed) % 4 == 2, "two characters carry one byte here: four bits are unused"
    other = alphabet[alphabet.index(sealed[-1]) + 1]
    with pytest.raises(VaultError):
        open_bytes(KEY, f"{head}.{sealed[:-1]}{other}", PLACE)


@pytest.mark.parametrize("part", [item.name for item in fields(Binding)])
def test_a_record_moved_to_another_place_does_not_open(part: str) -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE)
    other: Any = 3307 if part == "port" else getattr(PLACE, part) + "x"
    with pytest.raises(VaultError) as caught:
        open_bytes(KEY, record, replace(PLACE, **{part: other}))
    assert caught.value.code == "vault.record"


def test_a_record_under_another_key_does_not_open() -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE)
    with pytest.raises(VaultError):
        open_bytes(os.urandom(32), record, PLACE)


def test_a_record_cannot_claim_another_key() -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE)
    other = build_key_id(bytes(32))
    with pytest.raises(VaultError):
        open_bytes(KEY, record.replace(KEY_ID, other), PLACE)


texts = st.text(st.characters(), max_size=20)
bindings = st.builds(
    Binding, texts, texts, texts, texts, texts, st.integers(0, 65535), texts, texts
)


@given(bindings, bindings)
@settings(deadline=None)
def test_two_places_never_look_alike(one: Binding, other: Binding) -> None:
    same = _associated_data(KEY_ID, one) == _associated_data(KEY_ID, other)
    assert same == (one == other)


def test_text_cannot_slide_from_one_part_of_a_place_to_the_next() -> None:
    for one, other in [
        (Binding("ab", "c", "d", "e"), Binding("a", "bc", "d", "e")),
        (Binding("a", "b|c", "d", "e"), Binding("a|b", "c", "d", "e")),
        (Binding("a", "b", "c", "d", "h1", 2), Binding("a", "b", "c", "d", "h", 12)),
    ]:
        assert _associated_data(KEY_ID, one) != _associated_data(KEY_ID, other)


@pytest.mark.parametrize("key_id", ["", "k", KEY_ID + "0", KEY_ID[:-1], "x" + KEY_ID[1:], "kG" * 8])
def test_a_key_id_has_one_form(key_id: str) -> None:
    record = seal_bytes(KEY, KEY_ID, b"s3cret", PLACE).replace(KEY_ID, key_id)
    with pytest.raises(VaultError):
        key_id_of(record)


@given(st.binary(max_size=200), bindings)
@settings(deadline=None, max_examples=50)
def test_any_bytes_come_back(secret: bytes, place: Binding) -> None:
    assert open_bytes(KEY, seal_bytes(KEY, KEY_ID, secret, place), place) == secret


@given(st.text(max_size=80))
@settings(deadline=None)
def test_any_text_is_refused_with_a_domain_error(text: str) -> None:
    with pytest.raises(VaultError):
        open_bytes(KEY, text, PLACE)


def test_key_ids_tell_keys_apart_and_lasting_from_passing() -> None:
    assert build_key_id(KEY) != build_key_id(bytes(32))
    assert not is_session_key_id(build_key_id(KEY))
    assert is_session_key_id(build_key_id(KEY, session=True))
