"""Made-up histories of searches that look like real ones, by the million.

People come back to few questions and ask many others once (Zipf), on weekdays and in office hours
of their own time zones; they mistype, find nothing and ask again, narrow down, leaf through. Most
answers come quickly, a few very late, some not at all. The same seed makes the same history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

_ZONES = ("Europe/Lisbon", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo", "UTC")
_WEEKDAYS = (1.0, 1.15, 1.1, 1.05, 0.85, 0.15, 0.1)
_HOURS = np.array(
    [2, 1, 1, 0, 0, 1, 4, 20, 62, 95, 100, 90, 55, 80, 95, 90, 80, 55, 25, 14, 12, 10, 7, 4], float
)
_MODES = ("natural", "boolean", "semantic")
_MODE_SHARES = (0.7, 0.18, 0.12)
_SLOWER = np.array([1.0, 1.2, 6.0])
_VOCABULARY = """
invoice order customer refund payment delivery contract warranty battery charger cable screen
keyboard printer paper ink garden chair table lamp coffee espresso machine filter grinder tea
bicycle helmet tyre brake chain saddle tent sleeping bag stove lantern river bridge harbour island
museum concert ticket station train flight hotel booking luggage passport visa embassy engine
piston turbine rotor bearing gasket valve pump sensor voltage current resistor antenna protein
enzyme receptor antibody vaccine placebo trial dosage kidney artery neuron synapse matrix vector
kernel gradient lattice theorem entropy plasma quasar neutrino galaxy telescope
"""
_WORDS = _VOCABULARY.split()
_QUESTIONS = 20_000
_SKEW = 1.05
# Of how many questions there is one about things that nobody has.
_NOWHERE = 14
_MISTYPED, _NARROWED, _LEAFED = 0.12, 0.15, 0.08
_LOST, _LATE = 0.012, 0.01
# Of how many people one has an API key, and how many of his searches are made with it.
_WITH_KEY, _BY_KEY = 3, 0.1
_LIMIT_MS = 30_000

COLUMNS = (
    "id",
    "user_id",
    "database_id",
    "query",
    "search_mode",
    "search_params",
    "result_count",
    "execution_time_ms",
    "created_at",
)


class Row(NamedTuple):
    """A row of ``searches`` as text and numbers, ``created_at`` in UTC."""

    id: str
    user_id: str
    database_id: str | None
    query: str
    search_mode: str
    search_params: str
    result_count: int
    execution_time_ms: int
    created_at: str


@dataclass(frozen=True)
class Person:
    """Somebody who searches; ``connections`` are ids and names, ``key_id`` is that of the API key
    with which programs search for him, "": none do."""

    id: str
    name: str
    zone: str
    connections: tuple[tuple[str, str], ...]
    key_id: str = ""


@dataclass(frozen=True)
class History:
    """About ``searches`` searches of ``people`` within the ``days`` from ``first`` on."""

    searches: int
    people: int = 25
    first: date = date(2024, 11, 1)
    days: int = 730
    seed: int = 20260301

    def persons(self) -> list[Person]:
        """Who searches, the busiest first."""
        dice = np.random.default_rng(self.seed)
        keys = np.random.default_rng([self.seed, 2])
        found = []
        for number in range(self.people):
            owned = tuple(
                (_uuid(dice.bytes(16).hex()), name)
                for name in ("Shop", "Library", "Archive", "Support")[: 1 + number % 4]
            )
            found.append(
                Person(
                    _uuid(dice.bytes(16).hex()),
                    f"Person {number}",
                    _ZONES[number % len(_ZONES)],
                    owned,
                    _uuid(keys.bytes(16).hex()) if number % _WITH_KEY == 0 else "",
                )
            )
        return found

    def rows(self) -> Iterator[list[Row]]:
        """The rows of each day in turn, in the order of their instants."""
        dice = np.random.default_rng([self.seed, 1])
        persons = self.persons()
        questions = _questions(dice)
        chance = 1.0 / np.arange(1, _QUESTIONS + 1) ** _SKEW
        chance /= chance.sum()
        busy = 1.0 / np.arange(1, self.people + 1) ** 0.7
        busy /= busy.sum()
        weights = np.array(
            [_WEEKDAYS[(self.first + timedelta(days=at)).weekday()] for at in range(self.days)]
        ) * (1 + 0.15 * np.sin(np.arange(self.days) / 58.0))
        # A question is asked 1.35 times on average: mistyped, narrowed down, leafed through.
        per_question = 1 + _MISTYPED + _NARROWED + _LEAFED
        wanted = np.diff(
            np.concatenate([[0], np.cumsum(weights / weights.sum() * self.searches)]).round()
        )
        for at in range(self.days):
            day = self.first + timedelta(days=at)
            asked = round(float(wanted[at]) / per_question)
            if asked:
                who = dice.choice(len(persons), asked, p=busy)
                what = dice.choice(len(questions), asked, p=chance)
                steps = _steps(dice, day, who, what, persons)
                yield _rows(dice, day, steps, persons, questions)


def _questions(dice: np.random.Generator) -> list[str]:
    words = np.array(_WORDS)
    chosen = dice.choice(words, (_QUESTIONS, 3))
    lengths = dice.choice([1, 2, 3], _QUESTIONS, p=[0.25, 0.5, 0.25])
    found = [" ".join(row[:length]) for row, length in zip(chosen, lengths, strict=True)]
    return [f"{text} {at}" if at % 5 == 4 else text for at, text in enumerate(found)]


def _steps(
    dice: np.random.Generator,
    day: date,
    who: np.ndarray[Any, Any],
    what: np.ndarray[Any, Any],
    persons: Sequence[Person],
) -> list[tuple[int, int, int, str]]:
    """When (seconds of the day), who, what, and which of the ways it was asked."""
    asked = len(who)
    noon = datetime.combine(day, time(12), UTC)
    offsets = np.array([_offset_s(person.zone, noon) for person in persons])
    hours = dice.choice(24, asked, p=_HOURS / _HOURS.sum())
    begun = hours * 3600 + dice.integers(0, 3600, asked) - offsets[who]
    fate = dice.random(asked)
    steps: list[tuple[int, int, int, str]] = []
    for at, person, question, luck in zip(
        begun.tolist(), who.tolist(), what.tolist(), fate.tolist(), strict=True
    ):
        if luck < _MISTYPED:
            steps.append((at, person, question, "mistyped"))
            steps.append((at + 9 + question % 80, person, question, "plain"))
            continue
        steps.append((at, person, question, "plain"))
        if luck < _MISTYPED + _NARROWED:
            steps.append((at + 15 + question % 120, person, question, "narrowed"))
        elif luck < _MISTYPED + _NARROWED + _LEAFED:
            steps.append((at + 20 + question % 60, person, question, "leafed"))
    return sorted(steps)


def _rows(
    dice: np.random.Generator,
    day: date,
    steps: Sequence[tuple[int, int, int, str]],
    persons: Sequence[Person],
    questions: Sequence[str],
) -> list[Row]:
    count = len(steps)
    midnight = datetime.combine(day, time(), UTC)
    ids = dice.bytes(16 * count).hex()
    modes = dice.choice(3, count, p=_MODE_SHARES)
    took = dice.lognormal(3.0, 0.7, count) * _SLOWER[modes]
    late = dice.random(count) < _LATE
    took[late] *= 5 + 10 * dice.pareto(1.5, int(late.sum()))
    luck = dice.random(count).tolist()
    choice = dice.random(count).tolist()
    found = dice.integers(1, 21, count).tolist()
    rows = []
    for at, ((second, who, question, way), mode, ms) in enumerate(
        zip(steps, modes.tolist(), took.tolist(), strict=True)
    ):
        person = persons[who]
        text = questions[question]
        hits = found[at]
        if way == "mistyped":
            text, hits = _mistype(text, question), 0
        elif way == "narrowed":
            text = f"{text} {_WORDS[question % len(_WORDS)]}"
        if question % _NOWHERE == _NOWHERE - 1:
            hits = 0
        owned = person.connections
        if choice[at] < 0.6:
            owned = (owned[int(choice[at] * 1000) % len(owned)],)
        lost = luck[at] < _LOST
        if lost and len(owned) == 1:
            hits = 0
        took_ms = _LIMIT_MS if lost and at % 2 else min(int(ms), _LIMIT_MS)
        key_id = person.key_id if luck[at] > 1 - _BY_KEY else ""
        offset = 20 if way == "leafed" else 0
        hexed = ids[32 * at : 32 * at + 32]
        created_at = midnight + timedelta(seconds=second)
        rows.append(
            Row(
                _time_ordered_id(int(created_at.timestamp()), hexed),
                person.id,
                owned[0][0] if len(owned) == 1 else None,
                text,
                _MODES[mode],
                _params(owned, hits, took_ms, key_id, lost=lost, offset=offset),
                hits,
                took_ms,
                created_at.strftime("%Y-%m-%d %H:%M:%S"),
            )
        )
    return rows


def _mistype(text: str, question: int) -> str:
    at = 1 + question % max(1, len(text) - 2)
    return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]


def _params(
    owned: Sequence[tuple[str, str]],
    hits: int,
    took_ms: int,
    key_id: str,
    *,
    lost: bool,
    offset: int,
) -> str:
    """As `SearchService` writes them."""
    parts = []
    for place, (_, name) in enumerate(owned):
        state, error = ("failed", '"tenant.lost"') if lost and place == 0 else ("ok", "null")
        parts.append(
            f'{{"connection": "{name}", "table": "articles", "index": "ft_title_content",'
            f' "state": "{state}", "hits": {0 if error != "null" else hits},'
            f' "elapsed_ms": {took_ms}.{place}, "error": {error}}}'
        )
    ended = "ok" if not lost else "failed" if len(owned) == 1 else "partial"
    keys = ", ".join(f'"{key}"' for key, _ in owned)
    names = ", ".join(f'"{name}"' for _, name in owned)
    by_key = f'"{key_id}"' if key_id else "null"
    return (
        f'{{"outcome": "{ended}", "limit": 20, "offset": {offset}, "language": "",'
        f' "api_key": {by_key}, "connections": [{names}], "connection_ids": [{keys}],'
        f' "tables": [], "scope": [], "filters": {{}}, "settings": {{}},'
        f' "sources": [{", ".join(parts)}]}}'
    )


def _uuid(hexed: str) -> str:
    return f"{hexed[:8]}-{hexed[8:12]}-4{hexed[13:16]}-a{hexed[17:20]}-{hexed[20:]}"


def _time_ordered_id(second: int, hexed: str) -> str:
    """As `time_ordered_id` makes them: rows of one day lie together where they are kept by id."""
    made = f"{1000 * second + int(hexed[:3], 16) % 1000:012x}"
    return f"{made[:8]}-{made[8:]}-7{hexed[13:16]}-a{hexed[17:20]}-{hexed[20:]}"


def _offset_s(zone: str, at: datetime) -> int:
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
