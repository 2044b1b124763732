"""What searches are measured by: queries with judgements out of files, or queries of before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import JudgedQuery, Judgements
from altus4_desktop.services.evaluation_files import read_judgements, read_queries

PAST_QUERIES = 100
"""How many queries of the history are replayed at most."""


def tell_apart(paths: Sequence[Path]) -> tuple[Path | None, Path | None]:
    """Which of one or two files holds the queries, and which the judgements.

    A file that reads as judgements is one. Raises InputError for more files, for two of a kind,
    and for one that is neither (then as `read_queries` says it).
    """
    if not 1 <= len(paths) <= 2:
        raise InputError("queries", "A file of queries and one of judgements are expected.")
    found: dict[bool, Path] = {}
    for path in paths:
        judged = _are_judgements(path)
        if not judged:
            read_queries(path)
        if judged in found:
            raise InputError(
                "qrels" if judged else "queries",
                "Both files hold judgements." if judged else "Both files hold queries.",
                hint="Choose a file of queries and one of judgements.",
            )
        found[judged] = path
    return found.get(False), found.get(True)


def _are_judgements(path: Path) -> bool:
    try:
        read_judgements(path)
    except InputError:
        return False
    return True


def read_material(queries: Path, qrels: Path | None) -> tuple[tuple[JudgedQuery, ...], Judgements]:
    """The queries and grades of files; without ``qrels`` nothing is judged.

    Raises InputError; also when no query is judged by the judgements.
    """
    found = read_queries(queries)
    judgements = {} if qrels is None else read_judgements(qrels)
    if qrels is not None and not any(judgements.get(query.id) for query in found):
        raise InputError(
            "qrels",
            "None of the queries is judged: no id of the queries is in the judgements.",
            hint="Look whether both files are of the same collection.",
        )
    return found, judgements


def number_queries(texts: Iterable[str]) -> tuple[JudgedQuery, ...]:
    """Queries of before, each text once, numbered from 1."""
    once = dict.fromkeys(text.strip() for text in texts if text.strip())
    return tuple(JudgedQuery(str(number), text) for number, text in enumerate(once, 1))
