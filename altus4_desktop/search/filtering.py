"""Filters read against the columns that a table has: what a person wrote becomes typed values.

A date stands for all the time that it names: 2024 is the year from its first to its last
microsecond. Values of single precision are compared as the server keeps them: 0.1 is not 0.1 there.
"""

from __future__ import annotations

import re
import struct
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import (
    Bound,
    ColumnFilter,
    ColumnKind,
    Condition,
    Narrowing,
    Operator,
)
from altus4_desktop.domain.schema import ColumnInfo, TableInfo

MAX_FILTERS = 50
MAX_VALUES = 200
MAX_CHARS = 100_000

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"})
_NUMBERS = _INTEGERS | {"decimal", "float", "double"}
_TEXTS = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"}
    | {"uuid", "inet4", "inet6"}
)
_BINARIES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_WHOLE_UNICODE = frozenset({"", "utf8mb4", "utf16", "utf16le", "utf32"})
_FIRST_PLANE = frozenset({"utf8", "utf8mb3", "ucs2"})
# Python's names of the server's character sets, as far as both have the same characters.
_CODECS = {
    "ascii": "ascii",
    "latin1": "cp1252",
    "latin2": "iso8859_2",
    "latin5": "iso8859_9",
    "latin7": "iso8859_13",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1257": "cp1257",
    "cp850": "cp850",
    "cp852": "cp852",
    "koi8r": "koi8_r",
}
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?)?)?",
    re.ASCII,
)
_TIME = re.compile(r"-?(\d{1,3}):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?", re.ASCII)
_MOST_HOURS = 838
# Servers take 24 for 2024.
_YEAR = re.compile(r"0000|[1-9]\d{3}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
# What a DECIMAL can hold, and more than a double can.
_MOST_DIGITS = 65
_MOST_EXPONENT = 300
_SHOWN_CHARS = 60
_TRUTHS = {"true": 1, "false": 0, "yes": 1, "no": 0}

Span = tuple[Bound | None, Bound | None]


def column_kind(column: ColumnInfo) -> ColumnKind:
    """What the values of ``column`` are."""
    kind = column.data_type
    if kind in _NUMBERS:
        return ColumnKind.NUMBER
    if kind in _TEXTS:
        return ColumnKind.TEXT
    if kind in _BINARIES:
        return ColumnKind.BINARY
    return {
        "date": ColumnKind.DATE,
        "datetime": ColumnKind.DATETIME,
        "timestamp": ColumnKind.DATETIME,
        "time": ColumnKind.TIME,
    }.get(kind, ColumnKind.OTHER)


def check_narrowing(narrowing: Narrowing) -> None:
    """Raise InputError for what no table could be asked."""
    if not 0.0 <= narrowing.threshold <= 1.0:
        raise InputError("threshold", "The threshold is a share: from 0 to 1.")
    if len(narrowing.filters) > MAX_FILTERS:
        raise InputError("filters", "{limit} filters are the most.", limit=MAX_FILTERS)
    for wanted in narrowing.filters:
        _check_filter(wanted)
    length = sum(len(value or "") for wanted in narrowing.filters for value in wanted.values)
    if length > MAX_CHARS:
        raise InputError(
            "filters",
            "The values of the filters have {length} characters; {limit} are the most.",
            length=length,
            limit=MAX_CHARS,
        )


def _check_filter(wanted: ColumnFilter) -> None:
    values = wanted.values
    if not wanted.column:
        raise InputError("filters", "A filter needs a column.")
    if not values:
        raise InputError("filters", "The filter of “{column}” has no value.", column=wanted.column)
    if len(values) > MAX_VALUES:
        raise InputError(
            "filters",
            "The filter of “{column}” has {count} values; {limit} are the most.",
            column=wanted.column,
            count=len(values),
            limit=MAX_VALUES,
        )
    if any("\ud800" <= char <= "\udfff" for value in values for char in value or ""):
        raise InputError(
            "filters",
            "A value of “{column}” is no text that a server could read.",
            column=wanted.column,
        )
    if wanted.operator is Operator.RANGE and (len(values) != 2 or not any(values)):
        raise InputError(
            "filters",
            "A range of “{column}” needs a beginning or an end.",
            column=wanted.column,
        )
    if wanted.operator is Operator.CONTAINS and not all(values):
        raise InputError("filters", "Type what “{column}” is to contain.", column=wanted.column)


def find_column(table: TableInfo, name: str) -> ColumnInfo | None:
    """The column of ``table`` called ``name``; servers do not tell upper from lower case there."""
    folded = name.casefold()
    found = [column for column in table.columns if column.name.casefold() == folded]
    return next((column for column in found if column.name == name), found[0] if found else None)


def applies(wanted: ColumnFilter, table: TableInfo, connection_id: str) -> bool:
    """Whether ``wanted`` says something about the rows of ``table``."""
    return wanted.table in {"", table.name} and wanted.connection_id in {"", connection_id}


def bind_filters(
    filters: Iterable[ColumnFilter], table: TableInfo, connection_id: str = ""
) -> tuple[Condition, ...]:
    """What ``filters`` ask of the rows of ``table``; raises InputError where they cannot be."""
    return tuple(bind(wanted, table) for wanted in filters if applies(wanted, table, connection_id))


def bind(wanted: ColumnFilter, table: TableInfo) -> Condition:
    """``wanted`` with values of the type that its column has; raises InputError."""
    column = find_column(table, wanted.column)
    if column is None:
        raise unknown_column(wanted.column, [table])
    condition = _bind(wanted, column)
    if column.data_type == "json":
        return replace(condition, converts=True, exact=True)
    is_text = column_kind(column) is ColumnKind.TEXT
    if is_text and not all(can_hold(column.charset, value or "") for value in wanted.values):
        # The column's own collation knows its own character set only.
        exact = column.collation.endswith(("_bin", "_cs"))
        return replace(condition, converts=True, exact=exact)
    return condition


def can_hold(charset: str, text: str) -> bool:
    """Whether a server surely has all of ``text`` in ``charset``."""
    if text.isascii() or charset in _WHOLE_UNICODE:
        return True
    if charset in _FIRST_PLANE:
        return max(text) <= "\uffff"
    codec = _CODECS.get(charset)
    if codec is None:
        return False
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _bind(wanted: ColumnFilter, column: ColumnInfo) -> Condition:
    kind = column_kind(column)
    texts = [value for value in wanted.values if value is not None]
    if wanted.operator in {Operator.IS, Operator.NOT}:
        return _one_of(wanted, column, kind, texts)
    if kind is ColumnKind.OTHER:
        raise _untestable(column)
    if wanted.operator is Operator.RANGE:
        low, high = (_read(text, column, kind) if text else None for text in wanted.values)
        first, last = low[0] if low else None, high[1] if high else None
        return Condition(column.name, kind, spans=((first, last),))
    if kind not in {ColumnKind.TEXT, ColumnKind.BINARY}:
        raise InputError(
            "filters",
            "“{column}” is no text: what it contains cannot be asked.",
            hint="Ask for a value or a range.",
            column=column.name,
        )
    parts = tuple(_read_binary(text) if kind is ColumnKind.BINARY else text for text in texts)
    return Condition(column.name, kind, parts=parts)


def _one_of(
    wanted: ColumnFilter, column: ColumnInfo, kind: ColumnKind, texts: Sequence[str]
) -> Condition:
    negated = wanted.operator is Operator.NOT
    has_null = None in wanted.values
    if not texts:
        return Condition(column.name, kind, nulls=not negated, any_value=negated)
    if kind is ColumnKind.OTHER:
        raise _untestable(column)
    spans = [_read(text, column, kind) for text in texts]
    nulls = has_null != negated
    values = tuple(low for low, high in spans if low == high and low is not None)
    wide = tuple(span for span in spans if span[0] != span[1])
    return Condition(column.name, kind, values, wide, nulls=nulls, negated=negated)


def unknown_column(name: str, tables: Sequence[TableInfo]) -> InputError:
    """The error for a column that none of ``tables`` has; its hint names the near ones."""
    known = {column.name.casefold(): column.name for table in tables for column in table.columns}
    near = get_close_matches(name.casefold()[:64], list(known), n=3, cutoff=0.6)
    named = ", ".join(f"“{known[match]}”" for match in near)
    if len(tables) == 1:
        return InputError(
            "filters",
            "“{table}” has no column “{column}”.",
            hint="Did you mean {near}?" if near else "",
            table=tables[0].name,
            column=_shortened(name),
            near=named,
        )
    return InputError(
        "filters",
        "No searched table has a column “{column}”.",
        hint="Did you mean {near}?" if near else "Choose another column.",
        column=_shortened(name),
        near=named,
    )


def _untestable(column: ColumnInfo) -> InputError:
    return InputError(
        "filters",
        "Values of “{column}” ({type}) cannot be compared.",
        hint="Only whether it is NULL can be asked.",
        column=column.name,
        type=column.data_type,
    )


def _read(text: str, column: ColumnInfo, kind: ColumnKind) -> Span:
    """What ``text`` stands for: one value twice, or the ends of a stretch of time."""
    if kind is ColumnKind.TEXT:
        return text, text
    if kind is ColumnKind.BINARY:
        data = _read_binary(text)
        return data, data
    readers: dict[ColumnKind, Callable[[str, ColumnInfo], Span]] = {
        ColumnKind.NUMBER: _read_number,
        ColumnKind.DATE: _read_date,
        ColumnKind.DATETIME: _read_date,
        ColumnKind.TIME: _read_time,
    }
    return readers[kind](text.strip(), column)


def _read_number(text: str, column: ColumnInfo) -> Span:
    if column.type.lower().startswith(("tinyint(1)", "bit(1)")) and text.lower() in _TRUTHS:
        truth = _TRUTHS[text.lower()]
        return truth, truth
    if column.data_type == "year":
        return _read_year(text, column)
    is_number = _NUMBER.fullmatch(text) and len(text) <= 2 * _MOST_DIGITS
    number = Decimal(text) if is_number else None
    if number is None or (number and abs(number.adjusted()) > _MOST_EXPONENT):
        raise InputError(
            "filters",
            "“{column}” holds numbers, and “{value}” is none.",
            hint="Write it like 42 or 1.5.",
            column=column.name,
            value=_shortened(text),
        )
    if column.data_type == "float":
        single = _single(float(number))
        return single, single
    if column.data_type == "double":
        return float(number), float(number)
    if number == number.to_integral_value() and abs(number.adjusted()) < _MOST_DIGITS:
        return int(number), int(number)
    return number, number


def _read_year(text: str, column: ColumnInfo) -> Span:
    if not _YEAR.fullmatch(text):
        raise InputError(
            "filters",
            "“{column}” holds years, and “{value}” is none.",
            hint="Write all four digits, like 2024.",
            column=column.name,
            value=_shortened(text),
        )
    return int(text), int(text)


def _single(number: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return number


def _read_date(text: str, column: ColumnInfo) -> Span:
    found = _DATE.fullmatch(text.removesuffix("Z"))
    is_date = column.data_type == "date"
    if found is None or (is_date and found[4] is not None):
        raise _no_date(text, column, with_time=not is_date)
    year, month, day, hour, minute, second, fraction = found.groups()
    try:
        first_month, last_month = (int(month), int(month)) if month else (1, 12)
        first_day = int(day) if day else 1
        last_day = int(day) if day else monthrange(int(year), last_month)[1]
        low = datetime(
            int(year),
            first_month,
            first_day,
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
            tzinfo=UTC,
        )
        high = datetime(
            int(year),
            last_month,
            last_day,
            int(hour or 23),
            int(minute or 59),
            int(second or 59),
            int(fraction.ljust(6, "0")) if fraction else 999_999,
            tzinfo=UTC,
        )
    except ValueError as error:
        raise _no_date(text, column, with_time=not is_date) from error
    if is_date:
        return low.date().isoformat(), high.date().isoformat()
    return _written(low), _written(high)


def _written(instant: datetime) -> str:
    # The session's time zone is UTC too.
    return instant.replace(tzinfo=None).isoformat(" ")


def _no_date(text: str, column: ColumnInfo, *, with_time: bool) -> InputError:
    return InputError(
        "filters",
        "“{column}” holds dates, and “{value}” is none.",
        hint="Write it like 2024-03-31 14:30, 2024-03-31, 2024-03 or 2024."
        if with_time
        else "Write it like 2024-03-31, 2024-03 or 2024.",
        column=column.name,
        value=_shortened(text),
    )


def _read_time(text: str, column: ColumnInfo) -> Span:
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > _MOST_HOURS:
        raise InputError(
            "filters",
            "“{column}” holds times, and “{value}” is none.",
            hint="Write it like 14:30 or 14:30:05; {hours}:59:59 is the latest.",
            column=column.name,
            value=_shortened(text),
            hours=_MOST_HOURS,
        )
    if "." in text:
        return text, text
    whole = text if text.count(":") == 2 else f"{text}:00"
    last = f"{whole}.999999" if whole == text else f"{text}:59.999999"
    return (last, whole) if text.startswith("-") else (whole, last)


def _read_binary(text: str) -> bytes:
    if text.startswith("0x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            pass
    return text.encode("utf-8", "surrogatepass")


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
