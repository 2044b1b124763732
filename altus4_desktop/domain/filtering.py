"""Which of the rows that a search finds are wanted, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

_ORDER_PARTS = 2

Bound = int | float | Decimal | str | bytes


class Operator(StrEnum):
    """What a filter asks of a cell."""

    IS = "is"
    NOT = "not"
    RANGE = "range"
    CONTAINS = "contains"


class ColumnKind(StrEnum):
    """What the values of a column are, as far as comparing them goes."""

    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    TEXT = "text"
    BINARY = "binary"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ColumnFilter:
    """A test of one column.

    ``values`` are as a person writes them, None stands for NULL: the cell is one of them (`IS`),
    none of them (`NOT`), lies between two with both ends ("" leaves an end open, `RANGE`), or
    holds one of them (`CONTAINS`). A date may be a day, a month (2024-03) or a year, and then means
    all of it. With ``table`` or ``connection_id`` only the rows there are tested; without them a
    table that has no such column contributes nothing.
    """

    column: str
    operator: Operator = Operator.IS
    values: tuple[str | None, ...] = ()
    table: str = ""
    connection_id: str = ""

    def as_document(self) -> dict[str, Any]:
        """The filter as JSON can hold it."""
        return {
            "column": self.column,
            "operator": self.operator.value,
            "values": list(self.values),
            "table": self.table,
            "connection_id": self.connection_id,
        }

    @classmethod
    def from_document(cls, document: object) -> ColumnFilter | None:
        """The filter of `as_document`; None for what is none."""
        if not isinstance(document, dict):
            return None
        column, values = document.get("column"), document.get("values")
        operator = document.get("operator")
        if not isinstance(column, str) or not column or not isinstance(values, list):
            return None
        if not isinstance(operator, str) or operator not in {*Operator}:
            return None
        if not all(value is None or isinstance(value, str) for value in values):
            return None
        return cls(
            column,
            Operator(operator),
            tuple(values),
            _text(document.get("table")),
            _text(document.get("connection_id")),
        )


@dataclass(frozen=True, slots=True)
class ColumnOrder:
    """Rows by the values of a column, those without one last."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What is left out of everything that a search finds, and how the rest is ordered.

    ``order`` None is the order of relevance. ``threshold``, from 0 to 1, is the share of the best
    score that a row must reach; in semantic mode, whose scores have no zero, of the way from the
    worst ranked row to the best. ``only_connections`` and ``only_tables`` (ids; names) are parts of
    what the request searches, empty: all of it.
    """

    filters: tuple[ColumnFilter, ...] = ()
    order: ColumnOrder | None = None
    threshold: float = 0.0
    only_connections: tuple[str, ...] = ()
    only_tables: tuple[str, ...] = ()

    @property
    def leaves_out(self) -> bool:
        """Whether rows are left out."""
        return bool(self.filters or self.threshold or self.only_connections or self.only_tables)

    def among(self, connection_ids: Collection[str]) -> Narrowing:
        """The narrowing for somebody who has these connections: others are not chosen."""
        known = tuple(id_ for id_ in self.only_connections if id_ in connection_ids)
        return replace(self, only_connections=known)

    def as_document(self) -> dict[str, Any]:
        """The narrowing as JSON can hold it; empty when everything stays as it is."""
        if not self.leaves_out and self.order is None:
            return {}
        order = self.order
        return {
            "columns": [wanted.as_document() for wanted in self.filters],
            "order": None if order is None else [order.column, order.descending],
            "threshold": self.threshold,
            "connections": list(self.only_connections),
            "tables": list(self.only_tables),
        }

    @classmethod
    def from_document(cls, document: object) -> Narrowing:
        """The narrowing of `as_document`; what cannot be read leaves nothing out."""
        if not isinstance(document, Mapping):
            return cls()
        columns, threshold = document.get("columns"), document.get("threshold")
        read = map(ColumnFilter.from_document, columns if isinstance(columns, list) else ())
        share = float(threshold) if isinstance(threshold, (int, float)) else 0.0
        order = document.get("order")
        is_order = isinstance(order, list) and len(order) == _ORDER_PARTS
        return cls(
            filters=tuple(wanted for wanted in read if wanted is not None),
            order=ColumnOrder(str(order[0]), bool(order[1])) if is_order and order else None,
            threshold=share if 0.0 <= share <= 1.0 else 0.0,
            only_connections=_texts(document.get("connections")),
            only_tables=_texts(document.get("tables")),
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter bound to a column that there is.

    A row passes when its cell is NULL and ``nulls``, or when it is one of ``values``, lies in one
    of ``spans`` (both ends belong to it, None is open) or holds one of ``parts``; ``negated`` turns
    the second around. ``any_value``: every cell but NULL passes. ``converts``: the column's
    character set may not have what is asked for, or it has none; ``exact``: then letters are the
    same only in the same case and with the same accents.
    """

    column: str
    kind: ColumnKind
    values: tuple[Bound, ...] = ()
    spans: tuple[tuple[Bound | None, Bound | None], ...] = ()
    parts: tuple[Bound, ...] = ()
    nulls: bool = False
    negated: bool = False
    any_value: bool = False
    converts: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A column that there is, by which rows are ordered."""

    name: str
    kind: ColumnKind
    descending: bool = False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()
