"""What a row is called by judgements."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import Configuration, Judgements
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
    ("tables", "judgements", "names"),
    [
        (ONE, {"q": {"7": 1}}, ["7", "8"]),
        (ONE, {"q": {"Lab/notes/7": 1}}, ["Lab/notes/7", "Lab/notes/8"]),
        # A collection that came with keys alone, of which a row was judged by its name since.
        (ONE, {"q": {"8": 1, "9": 2}, "r": {"Lab/notes/7": 1}}, ["Lab/notes/7", "8"]),
        (TWO, {"q": {"7": 1}}, ["Lab/notes/7", "Lab/notes/8"]),
    ],
)
def test_rows_are_called_as_the_judgements_call_them(
    tables: frozenset[tuple[str, str]], judgements: Judgements, names: list[str]
) -> None:
    made = _Names(Configuration(), [_Found(tables=tables)], judgements)
    assert [made.name(_Row("Lab", "notes", key)) for key in ("7", "8")] == names
