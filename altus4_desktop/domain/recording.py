"""When searches of people were not recorded, as they wanted it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from altus4_desktop.domain.local_days import find_zone


class Switch(NamedTuple):
    """From ``at`` on somebody's searches were recorded, or not."""

    user_id: str
    at: datetime
    is_on: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing was recorded from ``begins`` to before ``ends``, None: until now; both as the clock
    of that person shows them, without a zone."""

    begins: datetime
    ends: datetime | None

    def touches(self, begins: datetime, ends: datetime) -> bool:
        """Whether it was so at any time from ``begins`` to before ``ends`` on that clock."""
        return self.begins < ends and (self.ends is None or begins < self.ends)


def find_pauses(switches: Iterable[Switch], zones: Mapping[str, str]) -> tuple[Pause, ...]:
    """The pauses of the people whose time zones ``zones`` has, from switches in their order."""
    since: dict[str, datetime] = {}
    found: list[Pause] = []
    for switch in switches:
        if switch.user_id not in zones:
            continue
        shown = switch.at.astimezone(find_zone(zones[switch.user_id])).replace(tzinfo=None)
        if not switch.is_on:
            since.setdefault(switch.user_id, shown)
        elif switch.user_id in since:
            found.append(Pause(since.pop(switch.user_id), shown))
    return (*found, *(Pause(begins, None) for begins in since.values()))


def is_paused(pauses: Sequence[Pause], day: date, hour: int | None = None) -> bool:
    """Whether anybody's searches were not recorded at some time of a day, or of an hour of it."""
    begins = datetime.combine(day, time(hour or 0))
    ends = begins + (timedelta(days=1) if hour is None else timedelta(hours=1))
    return any(pause.touches(begins, ends) for pause in pauses)
