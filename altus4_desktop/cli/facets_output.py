"""How ``search --facets`` prints what the rows found have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from altus4_desktop.cli.search_output import printable
from altus4_desktop.domain.facets import Facet, FacetKind, FacetReport, FacetValue

_SHOWN_CHARS = 60
_TITLES = {FacetKind.CONNECTION: "connection", FacetKind.TABLE: "table"}


def facets_document(report: FacetReport | None) -> dict[str, Any]:
    """What the JSON document gains, nothing for None; a value None is NULL, ``at_least`` says that
    there are more."""
    if report is None:
        return {}
    return {
        "facets": [_facet_document(facet) for facet in report.facets],
        "facets_about": {
            "rows": report.rows,
            "at_least": report.at_least,
            "of_candidates": report.of_candidates,
            "notes": [notice.message for notice in report.notices],
        },
    }


def facet_lines(report: FacetReport | None) -> Iterator[str]:
    """The facets for a person, counts right-aligned; none for None."""
    if report is None:
        return
    for facet in report.facets:
        yield ""
        yield printable(_TITLES.get(facet.kind, facet.column))
        counts = [f"{'≥ ' if facet.at_least else ''}{v.count:,}" for v in facet.values]
        width = max(map(len, counts), default=0)
        for value, count in zip(facet.values, counts, strict=True):
            yield f"  {count:>{width}}  {_text(value)}"
        if facet.has_more:
            yield f"  {'…':>{width}}"
    yield ""
    about = f"{'at least ' if report.at_least else ''}{report.rows:,}"
    yield f"Counted {about} row{'' if report.rows == 1 else 's'}" + (
        " among those that were ranked." if report.of_candidates else "."
    )
    for notice in report.notices:
        yield printable(notice.message)


def _facet_document(facet: Facet) -> dict[str, Any]:
    is_connection = facet.kind is FacetKind.CONNECTION
    return {
        "kind": facet.kind.value,
        "column": facet.column or None,
        "values": [
            {"value": v.label if is_connection else v.value, "count": v.count} for v in facet.values
        ],
        "has_more": facet.has_more,
        "at_least": facet.at_least,
    }


def _text(value: FacetValue) -> str:
    if value.value is None:
        return "null"
    text = printable(value.label[: _SHOWN_CHARS + 1])
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
