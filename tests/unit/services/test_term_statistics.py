"""What is remembered of tables: within a budget, read once for all who ask at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.domain.schema import ColumnInfo, FulltextIndex, TableInfo
from altus4_desktop.mysql import candidates
from altus4_desktop.mysql.candidates import SampledRow
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.search.ranking.question import Question, read_question
from altus4_desktop.search.ranking.records import TermStatistics
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.words import Folding
from altus4_desktop.services import table_samples, term_statistics
from altus4_desktop.services.term_statistics import TermStatisticsCache
from tests.waiting import wait_until


@dataclass
class _Target:
    connection_id: str = "c"
    database: str = "d"


@dataclass
class _Session:
    """As much of a session as statistics look at."""

    token: CancelToken = field(default_factory=CancelToken)
    target: _Target = field(default_factory=_Target)
    broken: bool = False


@dataclass
class World:
    """A server without a network: what its tables hold, and what it was asked."""

    cache: TermStatisticsCache = field(default_factory=TermStatisticsCache)
    rows: list[str] = field(default_factory=list)
    total: int = 0
    samples: int = 0
    counts: list[tuple[str, str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None

    def ask(
        self,
        text: str,
        table: str = "notes",
        *,
        index: int = 0,
        language: str = "en",
        session: _Session | None = None,
        left_s: float = 20.0,
    ) -> TermStatistics:
        described = table_info(table)
        return self.cache.read(
            cast("TenantSession", session or _Session()),
            described,
            described.fulltext_indexes[index],
            IndexRules(3, 84, frozenset(), 0, Folding.CASE, reads_phrases=True),
            ask(text, language),
            deadline=time.monotonic() + left_s,
            tag="test",
        )


def same(word: str) -> str:
    return word


def ask(text: str, language: str = "en") -> Question:
    return read_question(text, same, language)


def table_info(name: str) -> TableInfo:
    columns = tuple(ColumnInfo(column, "text", "text", nullable=True) for column in ("a", "b"))
    indexes = (FulltextIndex("ft_a", ("a",)), FulltextIndex("ft_b", ("a", "b")))
    return TableInfo(
        name=name,
        engine="InnoDB",
        columns=columns,
        key=(),
        fulltext_indexes=indexes,
        estimated_rows=None,
        last_analyzed_at=None,
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()
    made.gate.set()

    def count_rows(*_: Any, **__: Any) -> int:
        return made.total or len(made.rows)

    def read_sample(session: _Session, *_: Any, **__: Any) -> list[SampledRow]:
        made.samples += 1
        while not made.gate.wait(0.01):
            session.token.raise_if_cancelled()
        if made.failure is not None:
            raise made.failure
        return [SampledRow((), (text,)) for text in made.rows]

    def count_matches(_: Any, __: Any, index: FulltextIndex, text: str, **___: Any) -> int:
        made.counts.append((index.name, text))
        return 3

    monkeypatch.setattr(candidates, "count_rows", count_rows)
    monkeypatch.setattr(candidates, "read_sample", read_sample)
    monkeypatch.setattr(candidates, "count_matches", count_matches)
    yield made
    made.gate.set()


def test_random_words_do_not_grow_what_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_samples, "MOST_STEMS", 500)
    monkeypatch.setattr(term_statistics, "MOST_KEPT_STEMS", 2_000)
    dice = random.Random(5)
    kept = []
    for number in range(12):
        world.rows = [
            " ".join(["common", *(f"{dice.getrandbits(64):016x}" for _ in range(50))])
            for _ in range(100)
        ]
        statistics = world.ask("common rarest", f"table_{number}")
        assert len(statistics.sampled) <= 500
        assert statistics.sampled["common"] == 100
        # What was dropped is no longer known exactly, and is counted by the server.
        assert statistics.estimated
        assert statistics.counted["rarest"] == 3
        kept.append(world.cache.stem_count)
    assert max(kept) <= 2_000
    assert kept[-1] > 500


def test_what_is_asked_for_most_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_statistics, "MOST_KEPT_STEMS", 4)
    world.rows = ["one two"]
    for table in ("a", "b", "a", "c", "a"):
        world.ask("one", table)
    assert world.samples == 3


def test_a_table_larger_than_the_budget_is_only_used_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(term_statistics, "MOST_KEPT_STEMS", 1)
    world.rows = ["one two three"]
    assert world.ask("one").sampled["one"] == 1
    assert world.cache.stem_count == 0


def test_counts_are_bounded_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_statistics, "MOST_COUNTED", 5)
    world.rows, world.total = ["some text"], 100_000
    for number in range(20):
        world.ask(f"word{number}")
    assert world.cache.stem_count == 2 + 5


def test_indexes_of_a_table_share_its_sample_and_are_counted_apart(world: World) -> None:
    world.rows, world.total = ["some text"], 100_000
    for _ in range(2):
        for index in (0, 1):
            world.ask("rare", index=index)
    assert world.samples == 1
    assert world.counts == [("ft_a", "rare*"), ("ft_b", "rare*")]


def test_each_language_has_its_own_sample(world: World) -> None:
    world.rows = ["some text"]
    for language in ("en", "de", "en"):
        world.ask("text", language=language)
    assert world.samples == 2


def test_eight_searches_at_once_read_a_table_once(world: World) -> None:
    world.rows = ["some text"]
    world.gate.clear()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(world.ask, "text") for _ in range(8)]
        wait_until(lambda: world.samples > 0, timeout_s=5, what="the first reader")
        world.gate.set()
        answers = [one.result(10) for one in asked]
    assert world.samples == 1
    assert {answer.sampled["text"] for answer in answers} == {1}


def test_who_waits_for_another_can_be_stopped(world: World) -> None:
    world.gate.clear()
    waiting = _Session()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(world.ask, "text")
        wait_until(lambda: world.samples > 0, timeout_s=5, what="the first reader")
        second = threads.submit(world.ask, "text", session=waiting)
        waiting.token.cancel()
        with pytest.raises(Cancelled):
            second.result(5)
        assert not first.done()
        world.gate.set()
        first.result(5)


def test_who_waits_goes_on_when_the_first_is_stopped_or_fails(world: World) -> None:
    world.rows = ["some text"]
    world.gate.clear()
    stopped = _Session()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(world.ask, "text", session=stopped)
        wait_until(lambda: world.samples > 0, timeout_s=5, what="the first reader")
        second = threads.submit(world.ask, "text")
        stopped.token.cancel()
        with pytest.raises(Cancelled):
            first.result(5)
        wait_until(lambda: world.samples > 1, timeout_s=5, what="the second reader")
        world.gate.set()
        assert second.result(5).sampled["text"] == 1


def test_who_has_no_time_to_wait_estimates(world: World) -> None:
    world.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(world.ask, "text")
        wait_until(lambda: world.samples > 0, timeout_s=5, what="the first reader")
        statistics = world.ask("text", left_s=0.01)
        assert (statistics.sample_rows, statistics.estimated) == (0, True)
        world.gate.set()
        first.result(5)


def test_a_failure_is_not_remembered(world: World) -> None:
    world.rows = ["some text"]
    world.failure = TenantError(TenantFailure.LOST, "gone")
    with pytest.raises(TenantError):
        world.ask("text")
    world.failure = None
    assert world.ask("text").sampled["text"] == 1


def test_what_is_forgotten_while_it_is_read_stays_forgotten(world: World) -> None:
    world.rows = ["some text"]
    world.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(world.ask, "text")
        wait_until(lambda: world.samples > 0, timeout_s=5, what="the reader")
        world.cache.clear("c")
        world.gate.set()
        assert asked.result(5).sampled["text"] == 1
    assert world.cache.stem_count == 0
