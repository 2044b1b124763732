"""Names of time zones."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

_FORM = re.compile(r"[A-Za-z0-9_+\-/]{1,50}")


def is_time_zone(name: str) -> bool:
    """Whether there is a zone of that name, such as Europe/Lisbon or UTC."""
    if not _FORM.fullmatch(name):
        return False
    # Where the system has no list of zones, as Windows, the form has to do.
    return not _known() or name in _known()


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())
