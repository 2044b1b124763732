"""What a dump holds, read from its text, however the rows are put together."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.backups import BinlogPosition
from altus4_desktop.storage.dump_reading import DumpContent, read_dump

_END = "-- Dump completed on 2026-01-01  0:00:00\n"


def read(text: str) -> DumpContent:
    return read_dump(io.BytesIO(text.encode()))


def literal(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + text.replace("\n", "\\n").replace("\0", "\\0") + "'"


_VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.text(alphabet=st.sampled_from("a'\\\n\0(),;`é😀 \""), max_size=12),
)
_ROWS = st.lists(st.lists(_VALUES, min_size=1, max_size=3), min_size=1, max_size=6)


@given(_ROWS, st.integers(1, 6))
def test_rows_are_counted_and_summed_however_they_are_put_together(
    rows: list[list[str | int | None]], at: int
) -> None:
    texts = [f"({','.join(map(literal, row))})" for row in rows]
    one_line = f"INSERT INTO `t` VALUES {','.join(texts)};\n"
    by_line = "INSERT INTO `t` VALUES\n" + ",\n".join(texts) + ";\n"
    parts = [texts[:at], texts[at:]]
    split = "".join(f"INSERT INTO `t` VALUES {','.join(part)};\n" for part in parts if part)
    alone = "".join(f"INSERT INTO `t` (`a`) VALUES {text};\n" for text in texts)
    found = [
        read(f"CREATE TABLE `t` (\n) ENGINE=InnoDB;\n{body}{_END}")
        for body in (one_line, by_line, split, alone)
    ]
    assert all(one == replaced(found[0], one) for one in found)
    assert found[0].tables[0].rows == len(rows)
    assert not found[0].problem
    changed = read(
        f"CREATE TABLE `t` (\n{one_line}{_END}".replace("`t` VALUES (", "`t` VALUES (7,")
    )
    assert changed.tables[0].sha256 != found[0].tables[0].sha256


def replaced(first: DumpContent, other: DumpContent) -> DumpContent:
    return DumpContent(first.tables, other.size_bytes, objects=first.objects)


@pytest.mark.parametrize("name", ["we`ird", "`", "`` VALUES (1)", "100%;'\"(", "é" * 64])
def test_a_table_may_have_any_name(name: str) -> None:
    quoted = "`" + name.replace("`", "``") + "`"
    found = read(
        f"CREATE TABLE {quoted} (\n  `id` int\n);\nINSERT INTO {quoted} VALUES\n(1),\n(2);\n{_END}"
    )
    assert [(table.name, table.rows) for table in found.tables] == [(name, 2)]
    assert {one.name for one in found.objects} == {name}
    assert (
        found.tables
        == read(
            f"CREATE TABLE {quoted} (\n);\nINSERT INTO {quoted} (`id`) VALUES (1),(2);\n{_END}"
        ).tables
    )


def test_empty_tables_and_positions_are_seen() -> None:
    found = read(
        "-- CHANGE MASTER TO MASTER_LOG_FILE='binlog.000007', MASTER_LOG_POS=4711;\n"
        f"CREATE TABLE `empty` (\n);\nCREATE TABLE `other` (\n);\n{_END}"
    )
    assert [(table.name, table.rows) for table in found.tables] == [("empty", 0), ("other", 0)]
    assert found.position == BinlogPosition("binlog.000007", 4711)
    newer = "-- CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='b.1', SOURCE_LOG_POS=4;\n"
    assert read(newer + _END).position == BinlogPosition("b.1", 4)


@pytest.mark.parametrize("text", ["", "CREATE TABLE `t` (\n", "INSERT INTO `t` VALUES (1);\n"])
def test_what_breaks_off_is_none(text: str) -> None:
    assert read(text).problem == "it breaks off"
    assert read(text + _END + "\nDROP TABLE `t`;\n").problem == "it breaks off"


def test_who_listens_can_stop_it() -> None:
    heard: list[int] = []
    body = f"INSERT INTO `t` VALUES ('{'x' * (1 << 20)}');\n" * 3
    read_dump(io.BytesIO((body + _END).encode()), heard.append)
    assert len(heard) == 3
    assert heard == sorted(heard)


_KEY_ROW = "(1,'k','" + "e" * 64 + "'" + r""",NULL,'[\"search\"]',3.5""" * 5 + r""",'{\"a\": 1"""


@pytest.mark.parametrize(
    "row",
    [
        _KEY_ROW,
        # Each bracket could begin a row, and each quote a string that does not end.
        "('" + "(\\'" * 30_000,
        "(" + "NULL," * 30_000,
    ],
)
def test_a_row_that_is_cut_takes_no_time(row: str) -> None:
    begun_s = time.process_time()
    found = read(f"CREATE TABLE `t` (\nINSERT INTO `t` VALUES\n(0,'x'),\n{row}")
    assert time.process_time() - begun_s < 0.5
    assert found.tables[0].rows == 1
    assert found.problem == "it breaks off"
