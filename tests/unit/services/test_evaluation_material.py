"""Files of queries and judgements told apart, and queries of the history."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.services.evaluation_material import (
    number_queries,
    read_material,
    tell_apart,
)


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("queries", "qrels"),
    [
        ("1\tone\n2\ttwo words\n", "1 0 doc 2\n"),
        ("1\tone\n", "query_id\tdocument_id\trelevance\n1\tdoc\t0\n"),
        ('{"id": "1", "text": "one"}\n', '{"query_id": 1, "document_id": "d", "relevance": 1}\n'),
    ],
)
def test_which_file_is_what(tmp_path: Path, queries: str, qrels: str) -> None:
    asked, judged = _file(tmp_path, "a", queries), _file(tmp_path, "b", qrels)
    assert tell_apart([asked, judged]) == (asked, judged)
    assert tell_apart([judged, asked]) == (asked, judged)
    assert tell_apart([asked]) == (asked, None)
    assert tell_apart([judged]) == (None, judged)


def test_two_of_a_kind_and_none_of_any_are_refused(tmp_path: Path) -> None:
    asked = _file(tmp_path, "a", "1\tone\n")
    judged = _file(tmp_path, "b", "1 0 doc 2\n")
    for paths, field in (([asked, asked], "queries"), ([judged, judged], "qrels")):
        with pytest.raises(InputError) as refused:
            tell_apart(paths)
        assert refused.value.field == field
    for paths in ([], [asked, judged, judged], [_file(tmp_path, "c", "nothing like it\n")]):
        with pytest.raises(InputError):
            tell_apart(paths)


def test_judgements_of_other_queries_are_refused(tmp_path: Path) -> None:
    asked, judged = _file(tmp_path, "a", "1\tone\n"), _file(tmp_path, "b", "9 0 doc 2\n")
    with pytest.raises(InputError) as refused:
        read_material(asked, judged)
    assert refused.value.field == "qrels"
    queries, judgements = read_material(asked, None)
    assert [query.text for query in queries] == ["one"]
    assert judgements == {}


def test_past_queries_are_asked_once_and_numbered() -> None:
    found = number_queries(["new", "often", " ", "old", "often", "often "])
    assert [(query.id, query.text) for query in found] == [
        ("1", "new"),
        ("2", "often"),
        ("3", "old"),
    ]
