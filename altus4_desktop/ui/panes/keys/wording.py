"""What the pane of API keys says about keys."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QLocale

from altus4_desktop.domain.keys import (
    ApiKey,
    KeyAnswer,
    KeyEnvironment,
    KeyFilter,
    KeyPermission,
    KeyState,
    KeyTier,
    RateLimit,
)
from altus4_desktop.ui.times import ago, ahead
from altus4_desktop.ui.widgets.basic import ChipState

_NAME_SHOWN = 48


def _tr(text: str) -> str:
    return QCoreApplication.translate("keys", text)


def number(value: int) -> str:
    """A count in the language of the desktop."""
    return QLocale().toString(value)


def count_words(count: int, most: int) -> str:
    """How many keys there are; counting has ended at ``most``."""
    if count == 1:
        return _tr("1 key")
    text = _tr("{count} keys or more") if count >= most else _tr("{count} keys")
    return text.format(count=number(count))


def named(key: ApiKey) -> str:
    """The name in a sentence: a long one is cut, for it may be one word that nothing can wrap."""
    return key.name if len(key.name) <= _NAME_SHOWN else f"{key.name[: _NAME_SHOWN - 1]}…"


def state_words(state: KeyState) -> str:
    """Where a key is in its life."""
    return {
        KeyState.ACTIVE: _tr("Active"),
        KeyState.EXPIRING: _tr("Expiring"),
        KeyState.ROTATING: _tr("Rotating"),
        KeyState.EXPIRED: _tr("Expired"),
        KeyState.REVOKED: _tr("Revoked"),
    }[state]


def state_look(state: KeyState) -> tuple[str, str]:
    """Icon and colour of a state."""
    return {
        KeyState.ACTIVE: ("check-circle", "success"),
        KeyState.EXPIRING: ("clock", "warning"),
        KeyState.ROTATING: ("refresh", "accent"),
        KeyState.EXPIRED: ("history", "faint"),
        KeyState.REVOKED: ("stop", "danger"),
    }[state]


def state_chip(state: KeyState) -> ChipState:
    """The pill that shows a state."""
    chips: dict[KeyState, ChipState] = {
        KeyState.ACTIVE: "ok",
        KeyState.EXPIRING: "timed_out",
        KeyState.ROTATING: "accent",
        KeyState.EXPIRED: "queued",
        KeyState.REVOKED: "failed",
    }
    return chips[state]


def filter_words(wanted: KeyFilter) -> str:
    """Which keys a filter lets by."""
    return {
        KeyFilter.ALL: _tr("All keys"),
        KeyFilter.CURRENT: _tr("Working keys"),
        KeyFilter.EXPIRING: _tr("Expiring within 7 days"),
        KeyFilter.NEVER_EXPIRING: _tr("Never expiring"),
        KeyFilter.UNUSED: _tr("Unused for 90 days"),
        KeyFilter.ROTATING: _tr("Rotating"),
        KeyFilter.EXPIRED: _tr("Expired"),
        KeyFilter.REVOKED: _tr("Revoked"),
    }[wanted]


def environment_words(environment: KeyEnvironment) -> str:
    """What a key is for."""
    return _tr("Live") if environment is KeyEnvironment.LIVE else _tr("Test")


def permission_words(permission: KeyPermission) -> str:
    """One thing a key may do."""
    return {
        KeyPermission.SEARCH: _tr("Search"),
        KeyPermission.ANALYTICS: _tr("Analytics"),
        KeyPermission.ADMIN: _tr("Admin"),
    }[permission]


def permissions_words(permissions: Collection[KeyPermission]) -> str:
    """What a key may do, always in the same order."""
    chosen = [permission_words(one) for one in KeyPermission if one in permissions]
    return ", ".join(chosen) or _tr("Nothing")


def tier_words(tier: KeyTier) -> str:
    """How much a key may do."""
    return {
        KeyTier.FREE: _tr("Free"),
        KeyTier.PRO: _tr("Pro"),
        KeyTier.ENTERPRISE: _tr("Enterprise"),
    }[tier]


def tier_and_limit_words(key: ApiKey) -> str:
    """The tier, and whether a limit of its own takes its place."""
    tier = tier_words(key.tier)
    return tier if key.custom_limit is None else _tr("{tier}, own limit").format(tier=tier)


def window_words(window_s: int) -> str:
    """A length of time as a limit names it."""
    one = {1: _tr("a second"), 60: _tr("a minute"), 3600: _tr("an hour"), 86_400: _tr("a day")}
    if window_s in one:
        return one[window_s]
    for size, text in ((3600, _tr("{count} hours")), (60, _tr("{count} minutes"))):
        if window_s % size == 0:
            return text.format(count=number(window_s // size))
    return _tr("{count} seconds").format(count=number(window_s))


def limit_words(limit: RateLimit) -> str:
    """At most how often in which time."""
    text = _tr("{requests} requests in {window}")
    if limit.requests == 1:
        text = _tr("{requests} request in {window}")
    return text.format(requests=number(limit.requests), window=window_words(limit.window_s))


def expiry_words(key: ApiKey, now: datetime) -> str:
    """When a key ends, or has ended."""
    if key.expires_at is None:
        return _tr("Never")
    return ago(key.expires_at, now) if key.expires_at <= now else ahead(key.expires_at, now)


def last_used_words(key: ApiKey, now: datetime) -> str:
    """When a key was last used, and from where."""
    if key.last_used_at is None:
        return _tr("Never")
    words = ago(key.last_used_at, now)
    return f"{words} · {key.last_used_from}" if key.last_used_from else words


def prefix_words(key: ApiKey) -> str:
    """The beginning of a key; old forms are marked."""
    return _tr("{prefix} · early form").format(prefix=key.prefix) if key.legacy else key.prefix


def legacy_words() -> str:
    """What it means that a key has an early form."""
    return _tr(
        "Early form: an Altus 4 server made it. It has no check digits, so a mistyped one cannot "
        "be told from an unknown one. Rotate it to get today's form."
    )


def countdown(seconds: float) -> str:
    """What is left, to the second: ``6 days 23:59:59``."""
    left = max(0, int(seconds))
    days, rest = divmod(left, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    if not days:
        return clock
    return (_tr("1 day") if days == 1 else _tr("{count} days").format(count=days)) + f" {clock}"


def grace_words(grace: str) -> str:
    """How long a replaced key goes on, by the name of the choice."""
    return {
        "now": _tr("Now"),
        "1h": _tr("1 hour"),
        "24h": _tr("24 hours"),
        "7d": _tr("7 days"),
    }[grace]


def answer_words(answer: KeyAnswer) -> str:
    """What verifying says."""
    return {
        KeyAnswer.VALID: _tr("Valid"),
        KeyAnswer.EXPIRED: _tr("Expired"),
        KeyAnswer.REVOKED: _tr("Revoked"),
        KeyAnswer.MALFORMED: _tr("No API key"),
        KeyAnswer.UNKNOWN: _tr("Unknown"),
    }[answer]
