"""bcrypt without its surprises."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.vault.passwords import (
    DEFAULT_COST,
    check_new_password,
    generate_password,
    hash_password,
    needs_rehash,
    unknown_user_hash,
    verify_password,
)

COST = 4


def test_the_default_cost_is_12_and_written_in_the_hash() -> None:
    assert DEFAULT_COST == 12
    hashed = hash_password("correct horse")
    assert hashed.startswith("$2b$12$")
    assert verify_password("correct horse", hashed)


@pytest.mark.parametrize(
    "password",
    ["", "x", "x" * 71, "x" * 72, "pässwörd", "密码", "🔑" * 18, "\ud800 lone"],
)
def test_what_was_hashed_verifies_and_nothing_near_it_does(password: str) -> None:
    hashed = hash_password(password, COST)
    assert verify_password(password, hashed)
    for other in (password + "x", password[:-1] + "y", password.upper() + "!", password + "\0"):
        assert not verify_password(other, hashed)


@pytest.mark.parametrize("password", ["x" * 73, "x" * 1000, "🔑" * 19, "🔑" * 64])
def test_more_than_72_bytes_are_refused_not_cut(password: str) -> None:
    with pytest.raises(InputError) as caught:
        hash_password(password, COST)
    assert caught.value.field == "password"
    with pytest.raises(InputError):
        check_new_password(password)
    assert not verify_password(password, hash_password(password.encode()[:72].decode(), COST))


@pytest.mark.parametrize("password", ["\0", "with\0nul", "x" * 71 + "\0"])
def test_a_nul_is_refused_because_bcrypt_cannot_tell_it_from_repetition(password: str) -> None:
    with pytest.raises(InputError):
        hash_password(password, COST)
    assert not verify_password("x\0x", hash_password("x", COST))
    assert not verify_password("\0", hash_password("", COST))


def test_a_new_password_has_at_least_8_characters() -> None:
    with pytest.raises(InputError) as caught:
        check_new_password("seven77")
    assert "8" in caught.value.message
    check_new_password("eight888")
    check_new_password("x" * 72)
    check_new_password("🔑" * 18)


def test_the_rules_never_quote_the_password() -> None:
    for password in ("canary", "canary" * 100):
        with pytest.raises(InputError) as caught:
            check_new_password(password)
        assert "canary" not in f"{caught.value!r}{caught.value}{caught.value.details}"


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "!",
        "x",
        "$2b$",
        "$2b$04$short",
        "$2b$99$" + "a" * 53,
        pytest.param(hash_password("correct horse", COST).replace("$04$", "$31$"), id="endless"),
        "$2z$04$" + "a" * 53,
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "ключ",
        "\ud800",
        pytest.param(hash_password("correct horse", COST)[:-1], id="one short"),
        pytest.param(hash_password("correct horse", COST)[:30], id="half"),
    ],
)
@pytest.mark.timeout(10)
def test_a_malformed_or_endless_hash_verifies_nothing(hashed: str) -> None:
    assert not verify_password("correct horse", hashed)


@pytest.mark.parametrize("prefix", ["$2a$", "$2y$"])
def test_hashes_of_other_programs_verify(prefix: str) -> None:
    hashed = prefix + hash_password("correct horse", COST)[4:]
    assert verify_password("correct horse", hashed)


def test_a_lower_cost_asks_for_a_new_hash() -> None:
    hashed = hash_password("correct horse", COST)
    assert needs_rehash(hashed, COST + 1)
    assert not needs_rehash(hashed, COST)
    assert not needs_rehash(hashed, COST - 1)
    assert needs_rehash("no hash")


def test_unknown_users_cost_as_much_as_known_ones() -> None:
    hashed = unknown_user_hash(COST)
    assert hashed == unknown_user_hash(COST)
    assert not needs_rehash(hashed, COST)
    assert needs_rehash(hashed, COST + 1)


def test_generated_passwords_are_long_different_and_acceptable() -> None:
    made = {generate_password() for _ in range(200)}
    assert len(made) == 200
    assert {len(password) for password in made} == {24}
    check_new_password(made.pop())
