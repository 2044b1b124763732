"""Filters, order and threshold on both servers, against a plain computation over the same rows."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import ColumnFilter, ColumnOrder, Narrowing, Operator
from altus4_desktop.domain.searching import SearchHit, SearchMode, SearchOutcome, SearchRequest
from altus4_desktop.search import filtering
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer

TABLE = (
    "CREATE TABLE things (id INT PRIMARY KEY, title VARCHAR(200), body TEXT, price DECIMAL(10,2),"
    " amount INT, weight FLOAT, ratio DOUBLE, made DATE, seen DATETIME(3), at TIMESTAMP NULL,"
    " starts TIME, since YEAR, flag TINYINT(1), kind ENUM('new','old','%_odd'), lang VARCHAR(20),"
    " raw_bytes VARBINARY(8), note TEXT, FULLTEXT ft_both (title, body), FULLTEXT ft_title (title))"
)
COLUMNS = [
    "id",
    "title",
    "body",
    "price",
    "amount",
    "weight",
    "ratio",
    "made",
    "seen",
    "at",
    "starts",
    "since",
    "flag",
    "kind",
    "lang",
    "raw_bytes",
    "note",
]
WORDS = ["apple", "river", "stone", "cloud", "amber"]
LANGS = ["en", "de", "it's", 'say "x"', "50%", "a_b", "back\\slash", ""]


@dataclass(frozen=True)
class Row:
    """A row of ``things``; values as the search gives them."""

    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def make_rows(count: int, seed: int = 0) -> list[Row]:
    chance = random.Random(seed)
    rows = []
    for number in range(1, count + 1):
        words = [chance.choice(WORDS) for _ in range(chance.randint(2, 9))]
        day = dt.date(2019, 1, 1) + dt.timedelta(days=chance.randint(0, 2200))
        instant = dt.datetime(2020, 1, 1) + dt.timedelta(  # noqa: DTZ001 - as in the cell
            milliseconds=chance.randint(0, 10**11)
        )
        values: dict[str, Any] = {
            "id": number,
            "title": f"{words[0]} {words[1]}",
            "body": " ".join(words),
            "price": f"{chance.randint(-500, 500) / 4:.2f}",
            "amount": chance.randint(-20, 20),
            "weight": chance.choice([0.1, 0.25, 1.7, -3.3]),
            "ratio": chance.choice([0.1, 0.3, 2.5]),
            "made": day.isoformat(),
            "seen": instant.isoformat(" ", "milliseconds"),
            "at": instant.isoformat(" ", "seconds"),
            "starts": f"{chance.randint(0, 23):02}:{chance.choice([0, 15, 30]):02}:00",
            "since": chance.randint(2000, 2009),
            "flag": chance.randint(0, 1),
            "kind": chance.choice(["new", "old", "%_odd"]),
            "lang": chance.choice(LANGS),
            "raw_bytes": chance.choice([b"\x00\xff", b"ab", b"%"]),
            "note": chance.choice(["a needle here", "100% sure", "under_score", "plain"]),
        }
        for name in COLUMNS[3:]:
            if chance.random() < 0.15:
                values[name] = None
        rows.append(Row(values))
    return rows


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return str(value)


def statements(rows: Sequence[Row], table: str = "things") -> list[str]:
    tuples = ", ".join(
        "(" + ", ".join(literal(row[name]) for name in COLUMNS) + ")" for row in rows
    )
    return [
        TABLE.replace("things", table),
        "SET time_zone = '+00:00'",
        f"INSERT INTO {table} VALUES {tuples}",
    ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        yield made


def found(outcome: SearchOutcome) -> list[object]:
    return [hit.key["id"] for hit in outcome.hits]


def wanted(column: str, operator: Operator, *values: str | None) -> ColumnFilter:
    return ColumnFilter(column, operator, values)


def matches(row: Row, *words: str) -> bool:
    return bool(set(words) & set(f"{row['title']} {row['body']}".split()))


def is_(column: str, *values: Any) -> Callable[[Row], bool]:
    return lambda row: row[column] in values


IS, NOT, RANGE, CONTAINS = Operator.IS, Operator.NOT, Operator.RANGE, Operator.CONTAINS
CASES: list[tuple[ColumnFilter, Callable[[Row], bool]]] = [
    (wanted("amount", IS, "3", "-4"), is_("amount", 3, -4)),
    (wanted("amount", NOT, "3"), lambda row: row["amount"] != 3),
    (wanted("amount", NOT, "3", None), lambda row: row["amount"] not in (3, None)),
    (wanted("amount", IS, None), is_("amount", None)),
    (wanted("amount", IS, None, "7"), is_("amount", None, 7)),
    (wanted("amount", NOT, None), lambda row: row["amount"] is not None),
    (
        wanted("amount", RANGE, "-5", "5"),
        lambda row: row["amount"] is not None and -5 <= row["amount"] <= 5,
    ),
    (
        wanted("price", RANGE, "10.25", ""),
        lambda row: row["price"] is not None and Decimal(row["price"]) >= Decimal("10.25"),
    ),
    (
        wanted("PRICE", RANGE, "", "1e1"),
        lambda row: row["price"] is not None and Decimal(row["price"]) <= 10,
    ),
    (wanted("weight", IS, "0.1"), is_("weight", 0.1)),
    (
        wanted("weight", RANGE, "", "0.1"),
        lambda row: row["weight"] is not None and row["weight"] <= 0.1,
    ),
    (wanted("ratio", IS, "0.3", "2.5"), is_("ratio", 0.3, 2.5)),
    (wanted("made", IS, "2021"), lambda row: (row["made"] or "").startswith("2021")),
    (
        wanted("made", IS, "2021-03", "2022-11"),
        lambda row: (row["made"] or "")[:7] in ("2021-03", "2022-11"),
    ),
    (wanted("made", NOT, "2021"), lambda row: not (row["made"] or "").startswith("2021")),
    (
        wanted("made", RANGE, "2020-02", "2021-02"),
        lambda row: "2020-02-01" <= (row["made"] or "") <= "2021-02-28",
    ),
    (wanted("seen", IS, "2021"), lambda row: (row["seen"] or "").startswith("2021")),
    (
        wanted("seen", RANGE, "2020-06-30", "2021-12-31"),
        lambda row: "2020-06-30" <= (row["seen"] or "") < "2022",
    ),
    (wanted("at", IS, "2022-01"), lambda row: (row["at"] or "").startswith("2022-01")),
    (
        wanted("at", RANGE, "2021-05-05 12:30", ""),
        lambda row: (row["at"] or "") >= "2021-05-05 12:30:00",
    ),
    (wanted("starts", IS, "14:30"), is_("starts", "14:30:00")),
    (
        wanted("starts", RANGE, "08:00", "11:15"),
        lambda row: "08" <= (row["starts"] or "") <= "11:15:59",
    ),
    (wanted("since", IS, "2003", "2004"), is_("since", 2003, 2004)),
    (wanted("flag", IS, "true"), is_("flag", 1)),
    (wanted("kind", IS, "new", "%_odd"), is_("kind", "new", "%_odd")),
    *((wanted("lang", IS, lang), is_("lang", lang)) for lang in LANGS),
    (wanted("lang", IS, "') OR 1=1 -- "), is_("lang", "') OR 1=1 -- ")),
    (wanted("raw_bytes", IS, "0x00ff"), is_("raw_bytes", b"\x00\xff")),
    (wanted("raw_bytes", CONTAINS, "0xff"), is_("raw_bytes", b"\x00\xff")),
    (wanted("note", CONTAINS, "needle"), is_("note", "a needle here")),
    (wanted("note", CONTAINS, "%"), is_("note", "100% sure")),
    (wanted("note", CONTAINS, "_", "LAIN"), is_("note", "under_score", "plain")),
]


@pytest.mark.parametrize("mode", list(SearchMode))
def test_rows_are_those_of_a_plain_computation(
    world: SearchWorld, tenant_server: DatabaseServer, mode: SearchMode
) -> None:
    rows = make_rows(180)
    world.add_database(tenant_server, "one", statements(rows))
    for column_filter, passes in CASES:
        outcome = world.run(
            "apple river", mode, limit=200, narrowing=Narrowing(filters=(column_filter,))
        )
        expected = {row["id"] for row in rows if matches(row, "apple", "river") and passes(row)}
        assert all(report.error is None for report in outcome.sources), column_filter
        assert set(found(outcome)) == expected, column_filter
        assert len(found(outcome)) == len(expected)


def test_texts_that_a_column_cannot_hold_are_not_refused(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(
        tenant_server,
        "one",
        [
            (
                "CREATE TABLE texts (id INT PRIMARY KEY, body TEXT,"
                " west VARCHAR(20) CHARACTER SET latin1, plain VARCHAR(20) CHARACTER SET ascii,"
                " exact VARCHAR(20) COLLATE utf8mb4_bin,"
                " bare VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin,"
                " cased VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_general_cs,"
                " small VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin,"
                " east VARCHAR(20) CHARACTER SET sjis COLLATE sjis_bin, FULLTEXT ft (body))"
            ),
            (
                "INSERT INTO texts VALUES"
                " (1, 'apple', 'é', 'x', 'A', 'É', 'É', 'É', 'Д'),"
                " (2, 'apple', 'z', 'y', 'a', 'é', 'é', 'é', 'д')"
            ),
        ],
    )
    for column_filter, expected in (
        (wanted("west", IS, "é"), [1]),
        (wanted("west", IS, "中", "z"), [2]),
        (wanted("west", NOT, "中"), [1, 2]),
        (wanted("west", RANGE, "中", ""), []),
        (wanted("west", CONTAINS, "中"), []),
        (wanted("plain", IS, "é"), []),
        (wanted("exact", IS, "a"), [2]),
        (wanted("west", IS, "É"), [1]),
        (wanted("bare", IS, "é"), [2]),
        (wanted("bare", NOT, "É"), [2]),
        (wanted("bare", CONTAINS, "É"), [1]),
        (wanted("bare", RANGE, "é", ""), [2]),
        (wanted("bare", IS, "É", "中"), [1]),
        (wanted("cased", IS, "é"), [2]),
        (wanted("cased", IS, "é", "中"), [2]),
        (wanted("small", IS, "é"), [2]),
        (wanted("small", IS, "É", "😀"), [1]),
        (wanted("east", IS, "Д"), [1]),
        (wanted("east", CONTAINS, "д"), [2]),
    ):
        outcome = world.run("apple", narrowing=Narrowing(filters=(column_filter,)))
        assert all(report.error is None for report in outcome.sources), column_filter
        assert found(outcome) == expected, column_filter


@pytest.mark.parametrize("charset", sorted(filtering._CODECS))
def test_a_server_has_the_characters_of_a_charset(
    tenant_server: DatabaseServer, charset: str
) -> None:
    known = {char for char in map(chr, range(0x80, 0x3000)) if filtering.can_hold(charset, char)}
    text = "".join(sorted(known))
    ((kept,),) = tenant_server.execute(
        f"SELECT CONVERT(CONVERT(_utf8mb4 x'{text.encode().hex()}' USING {charset}) USING utf8mb4)"
    )
    assert (kept, bool(text)) == (text, charset != "ascii")


def test_cells_of_sets_bits_and_json_are_those_of_a_plain_computation(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    documents = ['{"a": 1}', '{"a": 1, "b": "Ü"}', '"x"', "[1, 2]", '"X"', None]
    sets = ["red", "red,blue", "", "blue", None, "green"]
    bits = [0, 5, 255, 1, None, 128]
    rows = list(enumerate(zip(documents, sets, bits, strict=True), 1))
    world.add_database(
        tenant_server,
        "one",
        [
            (
                "CREATE TABLE odd (id INT PRIMARY KEY, body TEXT, doc JSON,"
                " colours SET('red','blue','green'), flags BIT(8), FULLTEXT ft (body))"
            ),
            *(
                f"INSERT INTO odd VALUES ({at}, 'apple', {literal(doc)}, {literal(colours)},"
                f" {literal(flags)})"
                for at, (doc, colours, flags) in rows
            ),
        ],
    )
    cases: list[tuple[ColumnFilter, int, Callable[[Any], bool]]] = [
        *((wanted("doc", IS, text), 0, lambda cell, text=text: cell == text) for text in documents),
        (wanted("doc", IS, '"x"', "[1, 2]"), 0, lambda cell: cell in ('"x"', "[1, 2]")),
        (wanted("doc", IS, "x"), 0, lambda cell: False),
        (wanted("doc", NOT, '{"a": 1}'), 0, lambda cell: cell != '{"a": 1}'),
        (wanted("doc", NOT, '"x"', None), 0, lambda cell: cell not in ('"x"', None)),
        (wanted("doc", CONTAINS, '"a"'), 0, lambda cell: '"a"' in (cell or "")),
        (wanted("doc", CONTAINS, "Ü"), 0, lambda cell: "Ü" in (cell or "")),
        (wanted("doc", CONTAINS, "x"), 0, lambda cell: "x" in (cell or "")),
        (
            wanted("doc", RANGE, "[", "{"),
            0,
            lambda cell: cell is not None and "[" <= cell <= "{",
        ),
        *((wanted("colours", IS, text), 1, lambda cell, text=text: cell == text) for text in sets),
        (wanted("colours", NOT, "red"), 1, lambda cell: cell != "red"),
        (wanted("colours", IS, "blue,red"), 1, lambda cell: False),
        (wanted("colours", CONTAINS, "blue"), 1, lambda cell: "blue" in (cell or "")),
        (wanted("flags", IS, "5", "255"), 2, lambda cell: cell in (5, 255)),
        (wanted("flags", IS, "0"), 2, lambda cell: cell == 0),
        (wanted("flags", IS, None), 2, lambda cell: cell is None),
        (wanted("flags", NOT, "128"), 2, lambda cell: cell != 128),
        (wanted("flags", RANGE, "1", "128"), 2, lambda cell: cell is not None and 1 <= cell <= 128),
    ]
    for column_filter, place, passes in cases:
        outcome = world.run("apple", narrowing=Narrowing(filters=(column_filter,)))
        assert all(report.error is None for report in outcome.sources), column_filter
        expected = [at for at, cells in rows if passes(cells[place])]
        assert sorted(map(str, found(outcome))) == list(map(str, expected)), column_filter


def test_pages_in_the_order_of_a_column_continue_each_other_exactly(
    world: SearchWorld, mariadb_server: DatabaseServer, mysql_server: DatabaseServer
) -> None:
    rows = {}
    for number in range(4):
        server = mysql_server if number % 2 else mariadb_server
        rows[f"c{number}"] = make_rows(25, seed=number)
        world.add_database(server, f"c{number}", statements(rows[f"c{number}"]))
    columns: list[tuple[str, Callable[[Any], Any]]] = [
        ("price", Decimal),
        ("made", str),
        ("starts", str),
        ("kind", str),
    ]
    for mode in SearchMode:
        for column, value in columns if mode is SearchMode.NATURAL else columns[:1]:
            for descending in (False, True):
                narrowing = Narrowing(order=ColumnOrder(column, descending))
                # In semantic mode equal rows are by relevance, which no hand can tell.
                expected = by_hand(rows, column, value, descending=descending)
                pages: list[tuple[str, object, object]] = []
                for offset in range(0, 100, 17):
                    outcome = world.run(
                        "apple river", mode, limit=17, offset=offset, narrowing=narrowing
                    )
                    pages += [
                        (hit.source.connection, hit.key["id"], hit.columns[column])
                        for hit in outcome.hits
                    ]
                    assert outcome.has_more is (len(pages) < len(expected))
                    if not outcome.has_more:
                        break
                assert [page[2] for page in pages] == [row[2] for row in expected]
                assert {page[:2] for page in pages} == {row[:2] for row in expected}
                if mode is not SearchMode.SEMANTIC:
                    assert pages == expected


def by_hand(
    rows: dict[str, list[Row]], column: str, value: Callable[[Any], Any], *, descending: bool
) -> list[tuple[str, object, object]]:
    """What is found by “apple river” in the order of a column, of equal rows the first source's."""
    every = [
        (name, row["id"], row[column])
        for name, of_source in rows.items()
        for row in of_source
        if matches(row, "apple", "river")
    ]
    known = [row for row in every if row[2] is not None]
    known.sort(key=lambda row: value(row[2]), reverse=descending)
    return known + [row for row in every if row[2] is None]


def test_one_source_alone_is_ordered_and_paged_by_its_server(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    rows = make_rows(60)
    first = statements(rows)
    first[0] = first[0].replace(", FULLTEXT ft_title (title)", "")
    world.add_database(tenant_server, "one", first)
    expected = [
        row[1] for row in by_hand({"one": rows}, "amount", lambda cell: cell, descending=True)
    ]
    narrowing = Narrowing(order=ColumnOrder("amount", descending=True))
    shown = []
    for offset in (0, 10, 20, 30, 40, 50):
        page = world.run("apple river", limit=10, offset=offset, narrowing=narrowing)
        shown += found(page)
    assert shown == expected


@pytest.mark.parametrize("mode", list(SearchMode))
def test_a_threshold_cuts_what_scores_below_its_share(
    world: SearchWorld, tenant_server: DatabaseServer, mode: SearchMode
) -> None:
    rows = make_rows(80)
    first = statements(rows)
    first[0] = first[0].replace(", FULLTEXT ft_title (title)", "")
    world.add_database(tenant_server, "one", first)
    every = world.run("apple river", mode, limit=100)
    semantic = mode is SearchMode.SEMANTIC

    def score(hit: SearchHit) -> float:
        return hit.score if semantic else hit.source_score

    best = score(every.hits[0])
    zero = score(every.hits[-1]) if semantic else 0.0
    expected = [
        int(str(hit.key["id"])) for hit in every.hits if score(hit) >= zero + (best - zero) * 0.5
    ]
    assert 0 < len(expected) < len(every.hits)
    cut = world.run("apple river", mode, limit=100, narrowing=Narrowing(threshold=0.5))
    assert found(cut) == expected
    assert f"{len(every.hits) - len(expected):,} of the {len(every.hits):,}" in " ".join(
        notice.message for notice in cut.notices
    )
    ordered = Narrowing(threshold=0.5, order=ColumnOrder("id"))
    by_id = world.run("apple river", mode, limit=100, narrowing=ordered)
    way = "the way from the worst ranked row to the best" if semantic else "the best"
    for outcome in (cut, by_id):
        said = [n.message for n in outcome.notices if n.code == "search.threshold"]
        assert [f"scored below 50 % of {way}" in message for message in said] == [True]
    pages = []
    for offset in range(0, 100, 7):
        page = world.run(
            "apple river", mode, limit=7, offset=offset, narrowing=Narrowing(threshold=0.5)
        )
        pages += found(page)
        if not page.has_more:
            break
    assert pages == expected
    assert found(by_id) == sorted(expected)
    assert world.run("apple river", mode, narrowing=Narrowing(threshold=1.0)).hits


def test_a_table_without_the_column_contributes_nothing_and_is_named(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    rows = make_rows(20)
    bare = [
        "CREATE TABLE bare (id INT PRIMARY KEY, title TEXT, made VARCHAR(20), FULLTEXT ft (title))",
        "INSERT INTO bare VALUES (900, 'apple', 'x'), (901, 'apple', 'y')",
    ]
    world.add_database(tenant_server, "one", [*statements(rows), *bare])
    outcome = world.run(
        "apple", limit=50, narrowing=Narrowing(filters=(wanted("amount", RANGE, "0", ""),))
    )
    assert {hit.source.table for hit in outcome.hits} == {"things"}
    (said,) = [n.message for n in outcome.notices if n.code == "search.left_out"]
    assert "“bare” on “one”" in said
    assert "no column “amount”" in said
    # Where a value does not fit the type of one table, the others still answer.
    outcome = world.run("apple", limit=50, narrowing=Narrowing(filters=(wanted("made", IS, "x"),)))
    assert found(outcome) == [900]
    (said,) = [n.message for n in outcome.notices if n.code == "search.left_out"]
    assert "“made” holds dates, and “x” is none" in said
    ordered = world.run("apple", limit=50, narrowing=Narrowing(order=ColumnOrder("amount")))
    assert [hit.source.table for hit in ordered.hits][-2:] == ["bare", "bare"]
    assert any("“bare” on “one”" in n.message for n in ordered.notices)
    bound = replace(wanted("amount", IS, "999"), table="things")
    only_there = world.run("apple", limit=50, narrowing=Narrowing(filters=(bound,)))
    assert found(only_there) == [900, 901]


@pytest.mark.parametrize(
    ("narrowing", "sentence", "hint"),
    [
        (Narrowing(filters=(wanted("amonut", IS, "1"),)), "no column “amonut”", "“amount”"),
        (Narrowing(filters=(wanted("amount", IS, "many"),)), "“many” is none", "42"),
        (Narrowing(filters=(wanted("made", IS, "2021-02-30"),)), "holds dates", "2024-03"),
        (Narrowing(filters=(wanted("made", IS, "2021-02-03 10:00"),)), "holds dates", "2024-03"),
        (Narrowing(filters=(wanted("amount", CONTAINS, "1"),)), "no text", "range"),
        (Narrowing(filters=(wanted("amount", RANGE, "", ""),)), "beginning or an end", ""),
        (Narrowing(order=ColumnOrder("amonut")), "no column “amonut”", "“amount”"),
        (Narrowing(threshold=1.5), "from 0 to 1", ""),
    ],
)
def test_what_cannot_be_asked_is_said(
    world: SearchWorld,
    mariadb_server: DatabaseServer,
    narrowing: Narrowing,
    sentence: str,
    hint: str,
) -> None:
    world.add_database(mariadb_server, "one", statements(make_rows(3)))
    with pytest.raises(InputError) as refused:
        world.run("apple", narrowing=narrowing)
    assert sentence in refused.value.message
    assert hint in refused.value.hint


HOSTILE = [
    "') OR 1=1 -- ",
    "%s",
    "nul\0byte",
    "' /*",
    "*/; DROP TABLE things; --",
    "x" * 10_000,
    "`",
    "<b>",
]


def test_hostile_values_and_names_stay_values_and_names(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    name = "we`ird %s '; --"
    quoted = name.replace("`", "``")
    create = (
        f"CREATE TABLE things (id INT PRIMARY KEY, body TEXT, `{quoted}` TEXT, FULLTEXT ft (body))"
    )
    world.add_database(
        tenant_server,
        "one",
        [
            create,
            *(
                f"INSERT INTO things VALUES ({at}, 'apple', {literal(value)})"
                for at, value in enumerate(HOSTILE, 1)
            ),
        ],
    )
    tenant_server.execute(
        "SET GLOBAL log_output = 'TABLE'",
        "TRUNCATE mysql.general_log",
        "SET GLOBAL general_log = ON",
    )
    try:
        for at, value in enumerate(HOSTILE, 1):
            for operator in (IS, CONTAINS):
                narrowing = Narrowing(
                    filters=(wanted(name, operator, value),), order=ColumnOrder(name)
                )
                outcome = world.run("apple", narrowing=narrowing)
                assert at in found(outcome)
                assert len(outcome.hits) == 1 or (operator is CONTAINS and value in "`%s")
    finally:
        tenant_server.execute("SET GLOBAL general_log = OFF")
    sent = [
        str(row[0])
        for row in tenant_server.execute(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log"
            " WHERE command_type = 'Query' AND argument LIKE '%altus4_score%'"
        )
    ]
    asked = [text for text in sent if text.startswith("/* altus4")]
    assert len(asked) == 2 * len(HOSTILE)
    with pytest.raises(InputError):
        world.run("apple", narrowing=Narrowing(filters=(wanted("id` = 1 OR 1=1 -- ", IS, "1"),)))


def test_everything_that_is_exported_is_filtered_too(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    rows = make_rows(120)
    world.add_database(tenant_server, "one", statements(rows))
    for narrowing, passes in (
        (
            Narrowing(filters=(wanted("made", IS, "2021"),)),
            lambda r: str(r["made"])[:4] == "2021",
        ),
        (Narrowing(filters=(wanted("amount", NOT, "3"),)), lambda r: r["amount"] != 3),
    ):
        assert exported(world, narrowing) == {
            row["id"] for row in rows if matches(row, "apple", "river") and passes(row)
        }
    # A row counts that one of the indexes gives half of its best score.
    expected = set()
    for columns in ("title, body", "title"):
        match = f"MATCH ({columns}) AGAINST ('apple river')"
        scores = tenant_server.execute(
            f"SELECT id, {match} FROM things WHERE {match}", database=world.databases[0][1]
        )
        known = {int(str(key)): float(str(score)) for key, score in scores}
        expected |= {key for key, score in known.items() if score >= max(known.values()) / 2}
    assert exported(world, Narrowing(threshold=0.5)) == expected


def exported(world: SearchWorld, narrowing: Narrowing) -> set[int]:
    from altus4_desktop.mysql.whole import open_whole_search

    request = SearchRequest("apple river", narrowing=narrowing)
    found_ids: list[int] = []
    for source in world.search.find_whole_sources(world.actor, request):
        with (
            world.pools.borrow(source.target, CancelToken()) as session,
            open_whole_search(session, source.search) as stream,
        ):
            for block in stream.blocks():
                found_ids += [int(cell or b"") for cell in block.columns[0]]
    assert len(found_ids) == len(set(found_ids))
    return set(found_ids)
