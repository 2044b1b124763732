"""Query, judgement and run files: every form that is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.evaluation import Configuration, Evaluation, JudgedQuery, QueryResult
from altus4_desktop.services import evaluation_files
from altus4_desktop.services.evaluation_files import (
    BEST_GRADE,
    FileForm,
    read_judgements,
    read_queries,
    read_run,
    read_topics,
    write_judgements,
    write_queries,
    write_run,
)

QUERIES = (JudgedQuery("1", "what flows"), JudgedQuery("q2", "wings"))
GRADES = {"1": {"28": 1, "shop/a/7": 3}, "q2": {"5": -1}}


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "given"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1, "text": "what flows"}\n{"text": " wings ", "id": "q2", "more": []}\n',
        "1\twhat flows\nq2\twings\n",
        "query_id\ttext\n1\twhat flows\n\nq2\twings",
        "\ufeffid\ttext\r\n1\twhat flows\r\nq2\twings\r\n",
        (
            "<top>\n<num> Number: 1\n<title> Topic: what\nflows\n<desc> Description:\nno\n"
            "</top>\n\n<TOP>\n<num>q2</num>\n<title>wings</title>\n<narr>\nyes\n</narr>\n</TOP>\n"
        ),
    ],
)
def test_queries_in_every_form(tmp_path: Path, text: str) -> None:
    assert read_queries(file(tmp_path, text)) == QUERIES


@pytest.mark.parametrize(
    "text",
    [
        "1 0 28 1\n1 0 shop/a/7 3\nq2 0 5 -1\n",
        "1\tQ0\t28\t1\n1\tQ0\tshop/a/7\t3\n1\tQ0\t28\t1\nq2\tQ0\t5\t-1",
        "query_id\tdocument_id\trelevance\n1\t28\t1\n1\tshop/a/7\t3\nq2\t5\t-1\n",
        "1\t28\t1\n1\tshop/a/7\t3\nq2\t5\t-1\n",
        (
            '{"query_id": 1, "document_id": 28, "relevance": 1}\n'
            '{"query_id": "1", "document_id": "shop/a/7", "relevance": 3}\n'
            '{"query_id": "q2", "document_id": "5", "relevance": -1}\n'
        ),
    ],
)
def test_judgements_in_every_form(tmp_path: Path, text: str) -> None:
    assert read_judgements(file(tmp_path, text)) == GRADES


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("1\ta\nno tab here\n", 2, "a tab and the text"),
        ('{"id": 1, "text": "a"}\n\n{"id": 2\n', 3, "no JSON object"),
        ("[" * 100_000 + "\n", 1, "a tab and the text"),
        ('{"id": ' + "[" * 100_000, 1, "no JSON object"),
        ('{"id": true, "text": "a"}', 1, "“id” is missing"),
        ('{"id": 1, "text": 5}', 1, "“text” is missing"),
        ('{"id": 1, "text": "\\ud800"}', 1, "half a character"),
        ('{"id": "\\ud800", "text": "a"}', 1, "unprintable"),
        ('{"id": ' + "9" * 5000 + ', "text": "a"}', 1, "no JSON object"),
        ("1\ta\n1\tb\n", 2, "twice"),
        ("1 2\ta\n", 1, "space"),
        ("1\t \n", 1, "empty"),
        ("1\t" + "a" * 20_001, 1, "longer than 20,000"),
        ("1" * 513 + "\ta", 1, "longer than 512"),
        (b"1\ta\n2\t\xff\n", 2, "UTF-8"),
        ("1\ta\n2\tb\0\n", 2, "NUL"),
    ],
)
def test_bad_queries_are_told_with_their_line(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_queries(file(tmp_path, content))
    assert caught.value.message.startswith(f"Line {line} of ")
    assert caught.value.field == "queries"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("1 0 28 1\n1 0 3\n", 2, "there are 3 columns, and 4 before"),
        ("1 0 28 1 5\n", 1, "three or four"),
        ("1 0 28 high\n", 1, "no whole number"),
        ("1 0 28 1.5\n", 1, "no whole number"),
        ("1 0 28 ²\n", 1, "no whole number"),
        ("1 0 28 11\n", 1, "beyond 10"),
        ("1 0 28 1\n1 0 28 2\n", 2, "not alike"),
        ('{"query_id": 1, "document_id": 2, "relevance": true}', 1, "no whole number"),
        ('{"query_id": 1, "relevance": 1}', 1, "“document_id” is missing"),
    ],
)
def test_bad_judgements_are_told_with_their_line(
    tmp_path: Path, content: str, line: int, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_judgements(file(tmp_path, content))
    assert caught.value.message.startswith(f"Line {line} of ")


@pytest.mark.parametrize("read", [read_queries, read_judgements])
def test_what_cannot_be_read_or_is_empty_is_refused(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "missing")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path)
    with pytest.raises(InputError, match="There are no"):
        read(file(tmp_path, "\n\n"))


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_files, "MOST_QUERIES", 1)
    monkeypatch.setattr(evaluation_files, "MOST_JUDGEMENTS", 1)
    with pytest.raises(InputError, match="more than 1 queries"):
        read_queries(file(tmp_path, "1\ta\n2\tb\n"))
    with pytest.raises(InputError, match="more than 1 judgements"):
        read_judgements(file(tmp_path, "1 0 a 1\n1 0 b 1\n"))
    monkeypatch.setattr(evaluation_files, "LARGEST_BYTES", 3)
    with pytest.raises(InputError, match="larger than"):
        read_queries(file(tmp_path, "1\taa\n"))


def test_a_run_is_read_by_score_then_rank(tmp_path: Path) -> None:
    text = "1 Q0 c 1 0.5 t\n1 Q0 a 2 2e0 t\n1 Q0 b 1 2.0 t\n2\tQ0\tz\t0\t-1\tt\n"
    assert read_run(file(tmp_path, text)) == {"1": ["b", "a", "c"], "2": ["z"]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("1 Q0 a 1 1.0 t\n1 Q0 b 2 1.0\n", "six columns"),
        ("1 Q0 a 1 1.0 t\n1 Q0 a 2 1.0 t\n", "twice"),
        ("\n1 Q0 a first 1.0 t\n", "no number"),
        ("\n1 Q0 a 1 nan t\n", "no number"),
        ("\n1 Q0 a " + "9" * 5000 + " 1 t\n", "no number"),
    ],
)
def test_bad_runs_are_told_with_their_line(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_run(file(tmp_path, content))
    assert caught.value.message.startswith("Line 2 of ")


def test_a_run_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    results = (
        QueryResult(QUERIES[0], ("28", "shop/a/7"), 1.0, 0.2, 1.0, judged=True),
        QueryResult(QUERIES[1], (), 0.0, 0.0, 0.0, judged=False),
    )
    run = Evaluation(Configuration(), results, 1.0, 0.2, 1.0, 0.5, 1, 0)
    path = tmp_path / "run"
    assert write_run(path, run) == 2
    assert path.read_text() == (
        "1 Q0 28 1 1.000000000 altus4-natural\n1 Q0 shop/a/7 2 0.500000000 altus4-natural\n"
    )
    assert [found.name for found in tmp_path.iterdir()] == ["run"]
    with pytest.raises(AltusError) as caught:
        write_run(tmp_path / "missing" / "run", run)
    assert caught.value.code == "export.failed"


_TEXTS = st.text(min_size=1, max_size=40).filter(str.strip).map(str.strip)
_IDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    str.isprintable
)
_SETS = st.dictionaries(_IDS, st.tuples(_TEXTS, st.text(max_size=20).map(str.strip)), min_size=1)


def _is_kept(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" or char == "\0" for char in text)


@given(_SETS, st.sampled_from(FileForm))
def test_queries_come_back_as_they_were_written(
    kept: dict[str, tuple[str, str]], form: FileForm
) -> None:
    kept = {name: parts for name, parts in kept.items() if _is_kept("".join(parts))}
    assume(kept)
    queries = [JudgedQuery(name, text) for name, (text, _) in kept.items()]
    notes = {name: note for name, (_, note) in kept.items() if note}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "queries"
        write_queries(path, queries, notes, form)
        found, found_notes = read_topics(path)
    if form is FileForm.TREC:
        queries = [JudgedQuery(one.id, " ".join(one.text.split())) for one in queries]
        notes = {name: " ".join(note.split()) for name, note in notes.items()}
    assert found == tuple(queries)
    assert found_notes == notes


@given(
    st.dictionaries(
        _IDS,
        st.dictionaries(_IDS, st.integers(-BEST_GRADE, BEST_GRADE), min_size=1),
        min_size=1,
    ),
    st.sampled_from(FileForm),
)
def test_judgements_come_back_as_they_were_written(
    judgements: dict[str, dict[str, int]], form: FileForm
) -> None:
    told_apart = not any(
        name.startswith("{") or name.lower() in {"id", "qid", "query_id", "topic"}
        for name in judgements
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "qrels"
        if form is FileForm.TREC and not told_apart:
            with pytest.raises(InputError):
                write_judgements(path, judgements, form)
            assert not path.exists()
        else:
            count = write_judgements(path, judgements, form)
            assert count == sum(map(len, judgements.values()))
            assert read_judgements(path) == judgements


@pytest.mark.parametrize("text", ["Topic: a <b> &amp; c", "Number: 7", "</top>", "<num> 3"])
def test_a_topic_may_look_like_markup(tmp_path: Path, text: str) -> None:
    path = tmp_path / "topics"
    write_queries(path, [JudgedQuery("Number:", text)], {}, FileForm.TREC)
    assert read_queries(path) == (JudgedQuery("Number:", text),)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<top>\n<num> 1\n<title> x\n", "no </top>"),
        ("<top>\n<num> 1\n<title> x\n<top>\n<num> 2\n</top>", "before has no </top>"),
        ("<top>\n<num> 1\n</top>", "is empty"),
        ("<top>\n<title> x\n</top>", "an id is empty"),
    ],
)
def test_topics_that_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_queries(file(tmp_path, text))
