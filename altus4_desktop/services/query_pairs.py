"""Two evaluations query by query, and as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from altus4_desktop.domain.evaluation import Evaluation, QueryResult
from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.domain.spreadsheet import csv_text
from altus4_desktop.search.metrics import DEPTH
from altus4_desktop.services.files import open_chosen

_HEADS = ("query", "text", "judged")
_MEASURES = ("hits", "ndcg_at_10", "p_at_10", "reciprocal_rank", "error")


def pair_results(first: Evaluation, second: Evaluation | None) -> tuple[QueryPair, ...]:
    """Every query of ``first`` with what ``second`` found for it, in ``first``'s order."""
    others = {result.query.id: result for result in second.results} if second else {}
    return tuple(_pair(result, others.get(result.query.id)) for result in first.results)


def write_pairs_csv(path: Path, pairs: Sequence[QueryPair]) -> int:
    """Write a row a query: its measures for A and B and what changed; returns the number of rows.

    Texts that a spreadsheet would run are made harmless. Raises AltusError (``export.failed``).
    """
    names = [*_HEADS, *(f"{side}_{name}" for side in "ab" for name in _MEASURES), "gain", "shared"]
    with open_chosen(path) as file:
        file.write((",".join(names) + "\r\n").encode())
        for pair in pairs:
            document = _document(pair)
            cells = [document["query"], document["text"], document["judged"]]
            for side in "ab":
                measures = document[side] or {}
                cells += [measures.get(name) for name in _MEASURES]
            cells += [document["gain"], document["shared"]]
            file.write((",".join(map(_cell, cells)) + "\r\n").encode())
    return len(pairs)


def write_pairs_jsonl(path: Path, pairs: Sequence[QueryPair]) -> int:
    """Write a JSON object a query, with the documents that A and B found; returns how many.

    Raises AltusError (``export.failed``).
    """
    with open_chosen(path) as file:
        for pair in pairs:
            document = _document(pair)
            for side, result in (("a", pair.first), ("b", pair.second)):
                if result is not None:
                    document[side]["documents"] = list(result.documents)
            file.write((json.dumps(document, ensure_ascii=False) + "\n").encode())
    return len(pairs)


def _pair(first: QueryResult, second: QueryResult | None) -> QueryPair:
    if second is None:
        return QueryPair(first)
    before, after = first.documents[:DEPTH], second.documents[:DEPTH]
    return QueryPair(first, second, len({*before} & {*after}), before == after)


def _document(pair: QueryPair) -> dict[str, Any]:
    return {
        "query": pair.query.id,
        "text": pair.query.text,
        "judged": pair.first.judged,
        "a": _measures(pair.first),
        "b": _measures(pair.second) if pair.second else None,
        "gain": pair.gain,
        "shared": pair.shared if pair.second else None,
    }


def _measures(result: QueryResult) -> dict[str, Any]:
    judged = result.judged
    return {
        "hits": len(result.documents),
        "ndcg_at_10": result.ndcg if judged else None,
        "p_at_10": result.precision if judged else None,
        "reciprocal_rank": result.reciprocal_rank if judged else None,
        "error": result.failure or None,
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return csv_text(value, guard=True) if isinstance(value, str) else repr(value)
