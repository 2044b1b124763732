"""Rating passwords while they are typed."""

from __future__ import annotations

import pytest

from altus4_desktop.ui.strength import Strength, is_too_long, password_strength


@pytest.mark.parametrize(
    ("password", "strength"),
    [
        ("", Strength.EMPTY),
        ("abc", Strength.WEAK),
        ("aaaaaaaaaaaaaaaaaaaa", Strength.WEAK),
        ("abababababababababab", Strength.WEAK),
        ("sunshine", Strength.FAIR),
        ("correct horse", Strength.GOOD),
        ("correct horse battery staple", Strength.STRONG),
        ("Tr0ub4dor&3-xyz9", Strength.STRONG),
    ],
)
def test_longer_and_more_varied_is_stronger(password: str, strength: Strength) -> None:
    assert password_strength(password) is strength


def test_the_limit_counts_bytes() -> None:
    assert not is_too_long("a" * 72)
    assert is_too_long("a" * 73)
    assert is_too_long("🔑" * 19)
    assert not is_too_long("🔑" * 18)
