"""Which indexes are asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex, FulltextSettings, TableInfo
from altus4_desktop.domain.searching import TableChoice
from altus4_desktop.search.plan import SearchPlan, plan_search


def table(name: str, *indexes: str) -> TableInfo:
    found = tuple(FulltextIndex(index, ("body",)) for index in indexes)
    return TableInfo(name, "InnoDB", (), ("id",), found, None, None)


SCHEMA = DatabaseSchema(
    "shop",
    Flavour.MYSQL,
    "9.7.4",
    (table("orders", "ft_title", "ft_all"), table("staff", "ft_name"), table("logs")),
    FulltextSettings(),
    datetime.now(UTC),
)


def asked(*tables: TableChoice) -> tuple[Sequence[tuple[str, str]], SearchPlan]:
    plan = plan_search(SCHEMA, tables)
    return [(planned.table.name, planned.index.name) for planned in plan.sources], plan


def test_without_a_choice_every_index_is_asked() -> None:
    found, plan = asked()
    assert found == [("orders", "ft_all"), ("orders", "ft_title"), ("staff", "ft_name")]
    assert (plan.without_index, plan.unknown) == (("logs",), ())


def test_a_chosen_table_is_asked_by_all_its_indexes_or_by_the_named_ones() -> None:
    assert asked(TableChoice("orders"))[0] == [("orders", "ft_all"), ("orders", "ft_title")]
    title = TableChoice("orders", index="ft_title")
    assert asked(title)[0] == [("orders", "ft_title")]
    assert asked(title, TableChoice("staff"))[0] == [("orders", "ft_title"), ("staff", "ft_name")]
    assert asked(title, TableChoice("orders"))[0] == [("orders", "ft_all"), ("orders", "ft_title")]


def test_choices_of_what_is_not_there_are_told() -> None:
    nowhere, lost = TableChoice("nowhere"), TableChoice("orders", index="ft_gone")
    found, plan = asked(nowhere, lost, lost, TableChoice("staff"))
    assert found == [("staff", "ft_name")]
    assert plan.unknown == (nowhere, lost)
    assert asked(TableChoice("logs"))[1].unknown == ()
