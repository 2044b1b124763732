"""What ``search`` prints: JSON for programs, CSV for spreadsheets, lines for people."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.explaining import Explanation, TermUse
from altus4_desktop.domain.searching import (
    RankingReason,
    SearchHit,
    SearchOutcome,
    SourceReport,
    SourceState,
    Value,
    score_share,
)
from altus4_desktop.domain.spreadsheet import csv_text
from altus4_desktop.search.fusion import RANK_CONSTANT

_MARK, _DIM, _BOLD, _PLAIN = "\x1b[1;33m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


Why = Explanation | AltusError


def outcome_document(
    outcome: SearchOutcome,
    statements: Mapping[tuple[str, str, str], str] | None = None,
    explained: Sequence[Why] | None = None,
) -> dict[str, Any]:
    """The document other programs rely on; ``statements`` and ``explained`` (one for each hit) add
    what explains it."""
    whys: Sequence[Why | None] = explained or [None] * len(outcome.hits)
    document: dict[str, Any] = {
        "query": outcome.request.query,
        "mode": outcome.request.mode.value,
        "total_ms": round(outcome.total_ms, 3),
        "search_id": outcome.search_id,
        "sources": [_source_document(report) for report in outcome.sources],
        "hits": [hit_document(hit, why) for hit, why in zip(outcome.hits, whys, strict=True)],
        "has_more": outcome.has_more,
        "categories": [
            {"name": category.name, "count": category.count} for category in outcome.categories
        ],
        "synonyms": [
            {"term": expansion.term, "added": list(expansion.added)}
            for expansion in outcome.expansions
        ],
        "warnings": [
            _sentence(notice.message, notice.hint) for notice in outcome.notices if notice.warns
        ],
        "notes": [
            _sentence(notice.message, notice.hint) for notice in outcome.notices if not notice.warns
        ],
    }
    if statements is not None:
        document["statements"] = [
            {"connection": connection, "table": table, "index": index, "sql": sql}
            for (connection, table, index), sql in statements.items()
        ]
    return document


def failure_document(query: str, mode: str, error: AltusError) -> dict[str, Any]:
    """The document of a query that could not be asked: as the others, empty, and why."""
    return {
        "query": query,
        "mode": mode,
        "total_ms": 0.0,
        "search_id": None,
        "sources": [],
        "hits": [],
        "has_more": False,
        "synonyms": [],
        "categories": [],
        "warnings": [],
        "notes": [],
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
    }


def hit_document(hit: SearchHit, why: Why | None = None) -> dict[str, Any]:
    """One hit; ``truncated`` names the cells that were cut and their full length."""
    document: dict[str, Any] = {
        "connection": hit.source.connection,
        "table": hit.source.table,
        "key": {name: exact(value) for name, value in hit.key.items()},
        "score": hit.score,
        "source_score": hit.source_score,
        "source_rank": hit.source_rank,
        "snippet": hit.snippet,
        "matches": [
            {"column": match.column, "start": match.start, "end": match.end}
            for match in hit.matches
        ],
        "columns": {name: exact(value) for name, value in hit.columns.items()},
    }
    if hit.truncated:
        document["truncated"] = dict(hit.truncated)
    if why is not None:
        document["why"] = {
            "index": hit.source.index,
            "rank": hit.source_rank,
            "contribution": hit.score,
            "words": _found_words(hit),
            **_why_document(why),
        }
        if hit.reason is not None:
            document["why"]["ranking"] = _reason_document(hit.reason)
    return document


def _why_document(why: Why) -> dict[str, Any]:
    if isinstance(why, AltusError):
        return {"terms": [], "uncounted": _sentence(why.message, why.hint)}
    return {
        "weight": why.weight,
        "given_weights": [
            {
                "table": one.table or None,
                "column": one.column or None,
                "weight": one.weight,
            }
            for one in why.weights
        ],
        "given_factor": why.factor,
        "contributions": {part.part.value: part.value for part in why.contributions},
        "terms": [
            {
                "term": term.text,
                "columns": dict(term.columns),
                "at_least": term.at_least,
                "rows": term.rows,
                "estimated": term.estimated,
                "ignored": term.ignored or None,
            }
            for term in why.terms
        ],
        "estimated_table_rows": why.table_rows,
        "uncounted": why.uncounted or None,
    }


def _reason_document(reason: RankingReason) -> dict[str, Any]:
    return {
        "bm25": reason.bm25,
        "cosine": reason.cosine,
    }


def exact(value: Value) -> Any:
    """A value as JSON keeps it whole; binary is base64, marked as such."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return value


def csv_lines(hits: Sequence[SearchHit]) -> Iterator[str]:
    """RFC 4180 lines, without their line ends; NULL is an empty cell, an empty text is ``""``.

    A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers do not.
    """
    names = list(dict.fromkeys(name for hit in hits for name in hit.columns))
    yield ",".join(_csv_cell(name) for name in ("connection", "table", "score", *names))
    for hit in hits:
        cells = (hit.source.connection, hit.source.table, hit.score)
        yield ",".join(
            _csv_cell(value) for value in (*cells, *(hit.columns.get(name) for name in names))
        )


def readable_lines(
    outcome: SearchOutcome, *, colour: bool, explained: Sequence[Why] | None = None
) -> Iterator[str]:
    """The hits for a person, matches marked where the terminal can."""
    # A later page of a source searched alone does not bring its best row: its own first is near.
    first = outcome.hits[0].source_score if outcome.hits else 0.0
    several = len({hit.source.connection for hit in outcome.hits}) > 1
    for number, hit in enumerate(outcome.hits, outcome.request.offset + 1):
        if number > outcome.request.offset + 1:
            yield ""
        heading = _heading(hit)
        place = f"{hit.source.connection} · {hit.source.table}" if several else hit.source.table
        best = hit.source_best or first
        share = hit.source_score / best if best > 0 else 0.0
        if hit.reason is not None:
            share = score_share(hit, outcome.hits)
        bar = "█" * max(1, min(8, round(share * 8)))
        yield f"{number:>4}  {_styled(heading, _BOLD, colour=colour)}"
        yield f"      {_styled(f'{place} · {_key_words(hit)} · {bar}', _DIM, colour=colour)}"
        if hit.snippet and hit.snippet != heading:
            yield f"      {_marked(hit, colour=colour)}"
        if explained is not None:
            for line in _why_lines(hit, explained[number - outcome.request.offset - 1]):
                yield f"      {printable(line)}"


def _why_lines(hit: SearchHit, why: Why) -> Iterator[str]:
    if isinstance(why, AltusError):
        yield f"rank {hit.source_rank} in {hit.source.index}, worth {hit.score:.5f}"
        yield f"words not explained: {why.message}"
        return
    if why.sorted_by:
        yield f"sorted by {why.sorted_by}; the server's score is {why.source_score:.4g}"
    else:
        yield from _rank_lines(hit, why)
    for term in why.terms:
        yield f"{term.text}: {term_words(term, why)}"
    if why.uncounted:
        yield why.uncounted


def _rank_lines(hit: SearchHit, why: Explanation) -> Iterator[str]:
    yield (
        f"rank {why.source_rank} in {hit.source.index} by the server's score "
        f"{why.source_score:.4g}" + (f"; {fusion_words(why)}" if hit.reason is None else "")
    )
    if hit.reason is not None:
        yield _reason_line(hit.reason)
    if why.weights:
        yield weight_words(hit, why)


def fusion_words(why: Explanation) -> str:
    """How the rank became the score."""
    return (
        f"worth {why.weight:.3g} / ({RANK_CONSTANT} + {why.source_rank}) = {why.score:.5f} "
        "among all sources"
    )


def weight_words(hit: SearchHit, why: Explanation) -> str:
    """Which weights that people gave concern the row, and what became of them."""
    named = ", ".join(
        f"{'.'.join(filter(None, (one.table, one.column))) or hit.source.connection} "
        f"×{one.weight:g}"
        for one in why.weights
    )
    if hit.reason is not None:
        return f"weights: {named}; added {hit.reason.weight:+.2f}"
    if why.factor == 1 != why.place_weight:
        return f"weights: {named}; not used (alone, or it holds too little of the question)"
    if why.factor == 1:
        return f"weights: {named}; its words count so much when sources are compared"
    return f"weights: {named}; multiplied by {why.factor:.3g}"


def term_words(term: TermUse, why: Explanation) -> str:
    """Where a term stands in the row and how many rows have it."""
    if term.ignored:
        return f"not in the index ({term.ignored.replace('_', ' ')})"
    most = "at least " if term.at_least else ""
    places = ", ".join(f"{number}× in {name}" for name, number in term.columns.items())
    where = f"{most}{places}" if places else "not marked in what was fetched"
    if term.rows is None:
        return f"{where}; rows with it not counted"
    total = f" of about {why.table_rows}" if why.table_rows else ""
    about = "about " if term.estimated else ""
    return f"{where}; in {about}{term.rows}{total} rows"


def _reason_line(reason: RankingReason) -> str:
    cosine = "not measured" if reason.cosine is None else f"{reason.cosine:.2f}"
    return (
        f"words {reason.words:+.2f} (BM25 {reason.bm25:.2f}), meaning {reason.meaning:+.2f} "
        f"(cosine {cosine}), feedback {reason.feedback:+.2f}"
    )


def failures(outcome: SearchOutcome) -> Iterator[tuple[str, str, str]]:
    """Sentence, hint and code of each source that failed; being stopped is no failure."""
    for report in outcome.sources:
        if report.error is not None and report.state is not SourceState.CANCELLED:
            error = report.error
            said = f"{_place(report)}: {error.message}"
            yield printable(said), printable(error.hint), error.code


def remarks(outcome: SearchOutcome) -> Iterator[str]:
    """What else to say: notices, how many and how long."""
    for expansion in outcome.expansions:
        added = ", ".join(f"“{term}”" for term in expansion.added)
        yield printable(f"Also searched for “{expansion.term}”: {added}, by your synonyms.")
    for notice in outcome.notices:
        yield printable(_sentence(notice.message, notice.hint))
    count = len(outcome.hits)
    found = f"{count} hit{'' if count == 1 else 's'}"
    sources = len(outcome.sources)
    text = f"{found} from {sources} source{'' if sources == 1 else 's'}, {outcome.total_ms:.0f} ms"
    if outcome.has_more:
        text += f"; more with --offset {outcome.request.offset + outcome.request.limit}"
    yield text


def printable(text: str) -> str:
    """``text`` with everything a terminal could obey turned into blanks."""
    return "".join(char if char.isprintable() else " " for char in text)


def _source_document(report: SourceReport) -> dict[str, Any]:
    return {
        "connection": report.source.connection,
        "table": report.source.table,
        "index": report.source.index,
        "state": report.state.value,
        "hits": report.hits,
        "elapsed_ms": round(report.elapsed_ms, 3),
        "error": _sentence(report.error.message, report.error.hint) if report.error else None,
    }


def _sentence(message: str, hint: str) -> str:
    return f"{message} {hint}" if hint else message


def _place(report: SourceReport) -> str:
    parts = (report.source.connection, report.source.table, report.source.index)
    return "/".join(part for part in parts if part)


def _heading(hit: SearchHit) -> str:
    title = hit.columns.get(hit.title_column) if hit.title_column else None
    text = title if isinstance(title, str) and title.strip() else ""
    return printable(" ".join(text.split())[:120]) or _key_words(hit)


def _key_words(hit: SearchHit) -> str:
    if not hit.key:
        return "no key"
    return printable(", ".join(f"{name}={_shown(value)}" for name, value in hit.key.items()))


def _shown(value: Value) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _marked(hit: SearchHit, *, colour: bool) -> str:
    if not colour:
        return printable(hit.snippet)
    pieces: list[str] = []
    at = 0
    for start, end in hit.snippet_matches:
        pieces += (
            printable(hit.snippet[at:start]),
            _styled(printable(hit.snippet[start:end]), _MARK, colour=True),
        )
        at = end
    return "".join([*pieces, printable(hit.snippet[at:])])


def _styled(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_PLAIN}" if colour else text


def _found_words(hit: SearchHit) -> list[str]:
    found: dict[str, None] = {}
    for match in hit.matches:
        text = hit.columns.get(match.column)
        if isinstance(text, str):
            found[text[match.start : match.end].lower()] = None
    return list(found)


def _csv_cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return "base64:" + base64.b64encode(value).decode("ascii")
    if not isinstance(value, str):
        return repr(value)
    return csv_text(value)
