"""``--filter``, ``--sort`` and ``--threshold``: which of the rows found, and in which order."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import ColumnFilter, ColumnOrder, Narrowing, Operator

_FILTER = re.compile(r"(?:`((?:[^`]|``)+)`|([^`=<>!~]+))(>=|<=|!=|~|=)(.*)", re.DOTALL)
_SHOWN_CHARS = 60


def add_narrowing_options(parser: argparse.ArgumentParser) -> None:
    """The options that leave rows out and order the rest."""
    parser.add_argument(
        "--filter",
        dest="filters",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="only rows whose COLUMN is VALUE (repeat it for any of several); also !=, >=, <= and "
        "~ (contains). A date may be a day, a month or a year. COLUMN=null asks for NULL, "
        'COLUMN="null" for the word',
    )
    parser.add_argument(
        "--sort",
        metavar="COLUMN[:desc]",
        help="order the rows by COLUMN and not by relevance; those without a value come last",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="N",
        help="leave out rows that score below this share (0 to 1) of the best, in semantic mode of "
        "the way from the worst ranked row to the best",
    )
    parser.add_argument(
        "--facets",
        action="store_true",
        help="count connections, tables, dates and columns with few values over everything found",
    )


def read_narrowing(
    filters: Sequence[str], sort: str | None, threshold: float | None, saved: Narrowing
) -> Narrowing:
    """What the options say, added to what is ``saved``; raises InputError."""
    order = saved.order if sort is None else _read_order(sort)
    return replace(
        saved,
        filters=(*saved.filters, *read_filters(filters)),
        order=order,
        threshold=saved.threshold if threshold is None else threshold,
    )


def read_filters(texts: Sequence[str]) -> tuple[ColumnFilter, ...]:
    """The filters that ``texts`` say; those of one column and one kind are one."""
    found: dict[tuple[str, Operator], list[str | None]] = {}
    for text in texts:
        read = _FILTER.fullmatch(text)
        if read is None:
            raise InputError(
                "filters",
                "“{text}” is no filter.",
                hint="Write COLUMN=VALUE, or with !=, >=, <= or ~ in place of the =.",
                text=text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…",
            )
        quoted, bare, sign, written = read.groups()
        column = quoted.replace("``", "`") if quoted else bare.strip()
        value = _read_value(written)
        if sign in (">=", "<="):
            ends = found.setdefault((column, Operator.RANGE), ["", ""])
            place = 0 if sign == ">=" else 1
            if ends[place] or value is None:
                raise InputError(
                    "filters",
                    "A range of “{column}” has one beginning and one end.",
                    column=column,
                )
            ends[place] = value
            continue
        operator = {"=": Operator.IS, "!=": Operator.NOT, "~": Operator.CONTAINS}[sign]
        found.setdefault((column, operator), []).append(value)
    return tuple(
        ColumnFilter(column, operator, tuple(values))
        for (column, operator), values in found.items()
    )


def _read_value(text: str) -> str | None:
    if text.lower() == "null":
        return None
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


def _read_order(text: str) -> ColumnOrder | None:
    column, _, direction = text.rpartition(":")
    if direction.lower() not in {"asc", "desc"} or not column:
        return None if text == "relevance" else ColumnOrder(text)
    return ColumnOrder(column, descending=direction.lower() == "desc")
