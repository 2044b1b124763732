"""Filters and orders as SQL: identifiers quoted, values bound."""

from __future__ import annotations

from collections.abc import Sequence

from altus4_desktop.domain.filtering import Bound, ColumnKind, Condition, SortColumn
from altus4_desktop.mysql.quoting import quote


def where(conditions: Sequence[Condition], alias: str = "") -> tuple[str, list[Bound]]:
    """“ AND …” for each of ``conditions``, and the values in their order; "" for none."""
    texts: list[str] = []
    values: list[Bound] = []
    for condition in conditions:
        text, bound = _condition(condition, alias)
        texts.append(f" AND {text}")
        values += bound
    return "".join(texts), values


def order_terms(order: SortColumn, alias: str = "") -> str:
    """What ORDER BY says of ``order``.

    The server orders ENUM and SET by the number of a value, which nobody else knows: their texts
    are ordered instead.
    """
    name = _name(order.name, alias)
    value = f"CONCAT({name})" if order.kind is ColumnKind.TEXT else name
    return f"{name} IS NULL, {value}{' DESC' if order.descending else ''}"


def _condition(condition: Condition, alias: str) -> tuple[str, list[Bound]]:
    cell = name = _name(condition.column, alias)
    if condition.converts:
        # Without it the server refuses to compare at all, or compares JSON with a JSON string.
        cell = f"CONVERT({name} USING utf8mb4){' COLLATE utf8mb4_bin' if condition.exact else ''}"
    tests: list[str] = []
    values: list[Bound] = []
    if condition.values:
        tests.append(f"{cell} IN ({', '.join(['%s'] * len(condition.values))})")
        values += condition.values
    for low, high in condition.spans:
        ends = []
        if low is not None:
            ends.append(f"{cell} >= %s")
            values.append(low)
        if high is not None:
            ends.append(f"{cell} <= %s")
            values.append(high)
        tests.append(f"({' AND '.join(ends)})")
    for part in condition.parts:
        tests.append(f"LOCATE(%s, {cell}) > 0")
        values.append(part)
    if condition.any_value:
        return f"{name} IS NOT NULL", []
    passed = f"({' OR '.join(tests)})" if tests else ""
    if passed and condition.negated:
        passed = f"NOT {passed}"
    if condition.nulls:
        passed = f"({name} IS NULL OR {passed})" if passed else f"{name} IS NULL"
    return passed, values


def _name(column: str, alias: str) -> str:
    return f"{alias}.{quote(column)}" if alias else quote(column)
