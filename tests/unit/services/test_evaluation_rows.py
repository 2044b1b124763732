"""What a row is called by judgements."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import Configuration
from altus4_desktop.domain.searching import SearchHit, SourceRef
from altus4_desktop.services.evaluation import _Found, _Names, _Row, _row

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
