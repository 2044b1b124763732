"""The text of API keys: the existing server's rules, typing errors, forms of earlier servers."""

from __future__ import annotations

import hashlib
import random
import re
import string
import zlib

import pytest

from altus4_desktop.domain.key_text import (
    KeyFault,
    KeyText,
    is_legacy_prefix,
    make_key,
    read_key,
)
from altus4_desktop.domain.keys import KeyEnvironment

EXAMPLE = "altus4_sk_live_" + "0123456789abcdef" * 3


@pytest.mark.parametrize("environment", list(KeyEnvironment))
def test_a_new_key_has_the_form_and_the_columns_the_existing_server_expects(
    environment: KeyEnvironment,
) -> None:
    key = make_key(environment)
    assert re.fullmatch(rf"altus4_sk_{environment.value}_[0-9a-f]{{48}}[0-9a-f]{{8}}", key)
    assert int(key[-8:], 16) == zlib.crc32(key[:-8].encode())
    read = read_key(key)
    assert isinstance(read, KeyText)
    # Its rule: the row with the first 30 characters and the SHA-256 of all of them in hex.
    assert key.startswith("altus4_sk_")
    assert read.prefix == key[:30]
    assert read.key_hash == hashlib.sha256(key.encode()).hexdigest()
    assert read.environment is environment
    assert not read.legacy
    assert not is_legacy_prefix(read.prefix)
    assert read.key_hash not in repr(read)


def test_keys_are_not_made_twice() -> None:
    prefixes = {make_key(KeyEnvironment.TEST)[:30] for _ in range(2000)}
    assert len(prefixes) == 2000


def test_every_single_wrong_character_is_noticed_without_asking_anybody() -> None:
    key = make_key(KeyEnvironment.LIVE)
    for at in range(len(key)):
        for other in string.hexdigits + "_-gzG":
            if other != key[at]:
                assert isinstance(read_key(key[:at] + other + key[at + 1 :]), KeyFault), at


def test_swapped_neighbours_are_noticed() -> None:
    noticed = tried = 0
    for _ in range(50):
        key = make_key(KeyEnvironment.LIVE)
        for at in range(15, len(key) - 1):
            if key[at] != key[at + 1]:
                tried += 1
                swapped = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
                noticed += read_key(swapped) is KeyFault.CHECKSUM
    assert noticed == tried > 2000


def test_random_texts_of_the_right_form_are_noticed() -> None:
    chance = random.Random(4)
    wrong = 0
    for _ in range(20_000):
        text = f"altus4_sk_test_{chance.randbytes(28).hex()}"
        wrong += read_key(text) is KeyFault.CHECKSUM
    assert wrong == 20_000


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", KeyFault.BEGINNING),
        ("altus4_sk_prod_" + "0" * 56, KeyFault.BEGINNING),
        ("ALTUS4_SK_TEST_" + "0" * 56, KeyFault.BEGINNING),
        ("sk_live_" + "0" * 56, KeyFault.BEGINNING),
        ("altus4_sk_test_" + "0" * 55, KeyFault.LENGTH),
        ("altus4_sk_test_" + "0" * 57, KeyFault.LENGTH),
        ("altus4_sk_test_", KeyFault.LENGTH),
        ("altus4_sk_test_" + "0" * 55 + "A", KeyFault.CHARACTERS),
        ("altus4_sk_test_" + "0" * 55 + "é", KeyFault.CHARACTERS),
        ("altus4_sk_test_" + "0" * 55 + "\ud800", KeyFault.CHARACTERS),
        ("altus4_sk_test_" + "٠" * 56, KeyFault.CHARACTERS),
        ("altus4_sk_test_" + "0" * 56, KeyFault.CHECKSUM),
        ("altus4_sk_test_" + "A" * 48, KeyFault.LENGTH),
        ("x" * 1_000_000, KeyFault.BEGINNING),
    ],
)
def test_what_is_no_key_is_told_from_the_text_alone(text: str, fault: KeyFault) -> None:
    assert read_key(text) is fault


def test_spaces_around_a_pasted_key_do_not_count() -> None:
    key = make_key(KeyEnvironment.TEST)
    assert read_key(f" \t{key}\r\n") == read_key(key)
    assert isinstance(read_key(key[:30] + " " + key[30:]), KeyFault)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        # 48 hex digits, as the server makes them today: its prefix is like ours.
        (EXAMPLE, False),
        # 43 characters of base64url, as it did for a week.
        ("altus4_sk_test_" + "aZ-_" * 10 + "xYz", True),
    ],
)
def test_keys_of_an_altus_4_server_are_for_the_store_to_judge(text: str, marked: bool) -> None:
    read = read_key(text)
    assert isinstance(read, KeyText)
    assert read.legacy
    assert read.prefix == text[:30]
    assert read.key_hash == hashlib.sha256(text.encode()).hexdigest()
    assert is_legacy_prefix(read.prefix) is marked


def test_a_prefix_of_unrelated_digits_is_marked() -> None:
    assert is_legacy_prefix("altus4_sk_test_" + "0123456789abcdef")
    assert is_legacy_prefix("altus4_sk_live_abc123")
    assert not is_legacy_prefix(EXAMPLE[:30])
