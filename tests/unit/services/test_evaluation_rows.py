"""What a row is called by judgements."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import Configuration, JudgedQuery
from altus4_desktop.domain.query_sets import SetContents
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    TableChoice,
)
from altus4_desktop.services.evaluation import (
    EvaluationService,
    _evaluation,
    _Found,
    _Names,
    _result,
    _Row,
    _row,
)
from tests.records import a_user

HIT = SearchHit(SourceRef("Lab", "notes", "ft"), {}, 1.0, 1.0, 1, {"code": "p one"})


def test_a_row_without_key_needs_a_column_to_be_called_by() -> None:
    with pytest.raises(InputError, match="“notes” have no key") as told:
        _row(HIT, "")
    assert told.value.field == "id_column"
    assert _row(HIT, "code").key == "p%20one"


ONE, TWO = frozenset({("Lab", "notes")}), frozenset({("Lab", "notes"), ("Lab", "texts")})


@pytest.mark.parametrize(
    ("tables", "judgements", "name", "grades"),
    [
        (ONE, {"7": 1}, "7", {"7": 1}),
        (ONE, {"Lab/notes/7": 1}, "Lab/notes/7", {"Lab/notes/7": 1}),
        # A collection that came with keys alone, of which a row was judged by its name since.
        (
            ONE,
            {"Lab/notes/7": 2, "7": 1, "8": 3},
            "Lab/notes/7",
            {"Lab/notes/7": 2, "Lab/notes/8": 3},
        ),
        (TWO, {"7": 1}, "Lab/notes/7", {"7": 1}),
    ],
)
def test_rows_are_called_as_the_judgements_call_them(
    tables: frozenset[tuple[str, str]],
    judgements: dict[str, int],
    name: str,
    grades: dict[str, int],
) -> None:
    made = _Names(Configuration(), [_Found(tables=tables)], {"q": judgements})
    assert made.name(_Row("Lab", "notes", "7")) == name
    assert made.grades(judgements) == grades


_NOTES = (TableChoice("notes", "c1"),)


@pytest.mark.parametrize(
    ("configuration", "documents", "grades", "former", "named", "ndcg"),
    [
        (Configuration(), ["Lab/notes/7"], {"Lab/notes/7": 1}, {}, ["Lab/notes/7"], 1),
        (Configuration(), ["Lab/notes/7"], {"Lab/notes/8": 1}, {}, ["Lab/notes/7"], 0),
        (Configuration(), ["7"], {"7": 2}, {}, ["7"], 1),
        # The connection has another name now.
        (Configuration(), ["Lab/notes/7"], {"New/notes/7": 1}, {"Lab": "New"}, ["New/notes/7"], 1),
        # Named by keys alone then, judged by whole names since, and the other way about.
        (Configuration(), ["7"], {"Lab/notes/7": 1, "8": 0}, {}, ["Lab/notes/7"], 1),
        (Configuration(), ["Lab/notes/7"], {"7": 1}, {}, ["Lab/notes/7"], 1),
        (
            Configuration(tables=_NOTES),
            ["7"],
            {"Lab/notes/7": 1, "Lab/texts/7": 0},
            {},
            ["Lab/notes/7"],
            1,
        ),
        # Which table it was nothing tells.
        (Configuration(), ["7"], {"Lab/notes/7": 1, "Lab/texts/7": 1}, {}, ["7"], 0),
        # Values of a column are no keys.
        (Configuration(id_column="code"), ["7"], {"Lab/notes/7": 1}, {}, ["7"], 0),
    ],
)
def test_a_kept_run_is_graded_by_what_its_rows_are_called_now(
    configuration: Configuration,
    documents: list[str],
    grades: dict[str, int],
    former: dict[str, str],
    named: list[str],
    ndcg: float,
) -> None:
    query = JudgedQuery("q", "a query")
    kept = _evaluation(configuration, [_result(query, tuple(documents), {})])
    assert kept.ndcg == 0
    contents = SetContents((query,), {"q": grades}, {}, former)
    graded = EvaluationService.regrade(kept, contents)
    assert list(graded.results[0].documents) == named
    assert graded.ndcg == graded.results[0].ndcg == ndcg
    assert graded.judged == 1


class _Finds:
    """Thirty rows with titles."""

    def run(self, _: object, request: SearchRequest, *__: object, kept: bool) -> SearchOutcome:
        source = SourceRef("Lab", "notes", "ft")
        hits = tuple(
            SearchHit(source, {"id": key}, 1.0, 1.0, 1, {"t": "A title"}, title_column="t")
            for key in range(30)
        )
        return SearchOutcome("s1", request, (), hits, finished=True)


def test_titles_are_kept_of_no_more_hits_than_are_shown() -> None:
    service = EvaluationService(_Finds(), None, None)  # type: ignore[arg-type]  # only it is asked
    query, token = JudgedQuery("q", "a query"), CancelToken()
    rows = service._answer(a_user().as_actor(), query, Configuration(limit=30), token).rows
    assert [row.title for row in rows] == ["A title"] * 20 + [""] * 10
