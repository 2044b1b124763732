"""How hard a new password is to guess, roughly, while it is being typed."""

from __future__ import annotations

from enum import IntEnum

MOST_BYTES = 72


class Strength(IntEnum):
    """Weakest first."""

    EMPTY = 0
    WEAK = 1
    FAIR = 2
    GOOD = 3
    STRONG = 4


def password_strength(password_secret: str) -> Strength:
    """An estimate from length, variety and repetition; long phrases of plain words are strong."""
    if not password_secret:
        return Strength.EMPTY
    kinds = sum(
        any(test(letter) for letter in password_secret)
        for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )
    distinct = len(set(password_secret.lower()))
    effective = min(len(password_secret), distinct * 2)
    points = effective + 2 * (kinds - 1)
    if len(password_secret) < 8 or distinct < 5:
        return Strength.WEAK
    if points < 14:
        return Strength.FAIR
    return Strength.GOOD if points < 20 else Strength.STRONG


def is_too_long(password_secret: str) -> bool:
    """Whether it exceeds the 72 bytes that bcrypt reads."""
    return len(password_secret.encode("utf-8", "surrogatepass")) > MOST_BYTES
