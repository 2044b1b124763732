"""The language of a table: asked once, kept, forgotten with its connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.schema import ColumnInfo, FulltextIndex, TableInfo
from altus4_desktop.mysql import candidates
from altus4_desktop.mysql.candidates import SampledRow
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.services import table_languages
from altus4_desktop.services.table_languages import TableLanguages

ENGLISH = "The keeper of the lighthouse lights the lamp when the night falls on the sea."
GERMAN = "Der Wärter zündet die Lampe an, wenn die Nacht auf das Meer fällt und es dunkel ist."


@dataclass
class _Target:
    connection_id: str = "c"
    database: str = "d"


@dataclass
class World:
    """A session, what its table says, and how often it was asked."""

    token: CancelToken = field(default_factory=CancelToken)
    target: _Target = field(default_factory=_Target)
    broken: bool = False
    says: str = ENGLISH
    failure: TenantError | None = None
    asked: int = 0
    languages: TableLanguages = field(default_factory=TableLanguages)

    def find(self, table: str = "notes") -> str:
        return self.languages.find(
            cast("TenantSession", self), table_info(table), deadline=1e12, tag="test"
        )


def table_info(name: str) -> TableInfo:
    return TableInfo(
        name=name,
        engine="InnoDB",
        columns=(ColumnInfo("a", "text", "text", nullable=True),),
        key=(),
        fulltext_indexes=(FulltextIndex("ft", ("a",)),),
        estimated_rows=None,
        last_analyzed_at=None,
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    def read_sample(*_: Any, **__: Any) -> list[SampledRow]:
        made.asked += 1
        if made.failure is not None:
            raise made.failure
        return [SampledRow((), (made.says,))]

    monkeypatch.setattr(candidates, "read_sample", read_sample)
    return made


def test_a_table_is_asked_once(world: World) -> None:
    assert [world.find(), world.find()] == ["en", "en"]
    world.says = GERMAN
    assert world.find("others") == "de"
    assert world.asked == 2


def test_a_connection_is_forgotten(world: World) -> None:
    world.find()
    world.languages.clear("other")
    world.find()
    assert world.asked == 1
    world.languages.clear("c")
    world.says = GERMAN
    assert world.find() == "de"


def test_what_is_forgotten_while_it_is_read_stays_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetting(text: str) -> str:
        world.languages.clear()
        return "en"

    monkeypatch.setattr(table_languages, "detect_language", forgetting)
    assert [world.find(), world.find()] == ["en", "en"]
    assert world.asked == 2


def test_old_answers_are_asked_for_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_languages, "MAX_AGE_S", -1.0)
    world.find()
    world.find()
    assert world.asked == 2


def test_a_table_that_is_too_slow_is_left_alone_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.failure = TenantError(TenantFailure.TIMEOUT, "late")
    assert [world.find(), world.find()] == ["", ""]
    assert world.asked == 1
    monkeypatch.setattr(table_languages, "RETRY_S", -1.0)
    world.languages.clear()
    world.find()
    world.failure = None
    assert world.find() == "en"


def test_other_failures_are_the_sources(world: World) -> None:
    world.failure = TenantError(TenantFailure.LOST, "gone")
    with pytest.raises(TenantError):
        world.find()


def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_languages, "MOST_TABLES", 2)
    for table in ("a", "b", "c", "a"):
        world.find(table)
    assert world.asked == 4
