"""Queries, judgements and runs as files: TREC's own forms, tab-separated ones, JSON lines.

A topic of TREC (https://trec.nist.gov/data/topics_eng/) stands between ``<top>`` and ``</top>``:
``<num>`` is its id, ``<title>`` the query, ``<narr>`` a note; other parts are passed over.

Files are taken for hostile: bounded in size, lines and lengths; what cannot be read is told with
its line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import Evaluation, JudgedQuery, Judgements
from altus4_desktop.services.files import open_chosen

MOST_QUERIES = 20_000
MOST_JUDGEMENTS = 1_000_000
LARGEST_BYTES = 64 * 1024 * 1024
LONGEST_ID = 512
LONGEST_TEXT = 20_000
BEST_GRADE = 10


class FileForm(StrEnum):
    """How query sets are written."""

    TREC = "trec"
    JSONL = "jsonl"


_QUERY_HEADS = frozenset({"id", "qid", "query_id", "topic"})
# Each part of a topic begins with a word for people.
_LABELS = {"num": "Number:", "title": "Topic:", "narr": "Narrative:"}
_TAG = re.compile(r"\s*<(\w+)>")
_CLOSING = re.compile(r"</\w+>\s*$")
_GRADE = re.compile(r"[+-]?\d{1,9}", re.ASCII)


def read_queries(path: Path) -> tuple[JudgedQuery, ...]:
    """The queries of a file, as `read_topics`, without their notes."""
    return read_topics(path)[0]


def read_topics(path: Path) -> tuple[tuple[JudgedQuery, ...], Mapping[str, str]]:
    """The queries of a file, in its order, and notes by their ids: JSON lines (``id``, ``text``,
    ``note``), TREC's topics, or an id, a tab and the text, with or without a line of headings.

    Raises InputError (field ``queries``).
    """
    reader = _Reader("queries", path)
    found: dict[str, JudgedQuery] = {}
    notes: dict[str, str] = {}
    lines = reader.lines()
    for line in lines:
        parts = _query_parts(reader, line, lines)
        if parts is None:
            continue
        query_id, text, note = reader.checked_id(parts[0]), parts[1].strip(), parts[2].strip()
        if not text:
            reader.refuse("the query is empty")
        reader.check_text("query", text)
        reader.check_text("note", note)
        if query_id in found:
            reader.refuse(f"the query “{query_id}” is there twice")
        if len(found) >= MOST_QUERIES:
            reader.refuse(f"there are more than {MOST_QUERIES:,} queries")
        found[query_id] = JudgedQuery(query_id, text)
        if note:
            notes[query_id] = note
    if not found:
        raise InputError("queries", "There are no queries in “{path}”.", path=str(path))
    return tuple(found.values()), notes


def read_judgements(path: Path) -> Judgements:
    """The grades of a file: TREC's four columns (query, anything, document, grade), three
    tab-separated ones (query, document, grade) with or without headings, or JSON lines
    (``query_id``, ``document_id``, ``relevance``).

    A document that is judged twice must be judged alike. Raises InputError (field ``qrels``).
    """
    reader = _Reader("qrels", path)
    found: dict[str, dict[str, int]] = {}
    count = 0
    for line in reader.lines():
        judged = _json_judgement(reader, line) if line.startswith("{") else reader.columns(line)
        if reader.is_first and judged[0].strip().lower() in _QUERY_HEADS:
            continue
        query_id, document_id = (reader.checked_id(text) for text in judged[:2])
        if not _GRADE.fullmatch(judged[2].strip()):
            reader.refuse("the grade is no whole number")
        grade = int(judged[2])
        if not -BEST_GRADE <= grade <= BEST_GRADE:
            reader.refuse(f"the grade is beyond {BEST_GRADE}")
        grades = found.setdefault(query_id, {})
        if grades.setdefault(document_id, grade) != grade:
            reader.refuse(f"“{document_id}” is judged twice, and not alike")
        count += 1
        if count > MOST_JUDGEMENTS:
            reader.refuse(f"there are more than {MOST_JUDGEMENTS:,} judgements")
    if not found:
        raise InputError("qrels", "There are no judgements in “{path}”.", path=str(path))
    return found


def read_run(path: Path) -> Mapping[str, Sequence[str]]:
    """The documents of a run in TREC's six columns (query, Q0, document, rank, score, tag): for
    each query's id their names, by score as trec_eval orders them, then by rank.

    Raises InputError (field ``run``).
    """
    reader = _Reader("run", path)
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for count, line in enumerate(reader.lines(), 1):
        columns = line.split()
        if len(columns) != 6:
            reader.refuse("six columns are expected")
        query_id, document_id = reader.checked_id(columns[0]), reader.checked_id(columns[2])
        try:
            rank, score = int(columns[3]), float(columns[4])
        except ValueError:
            reader.refuse("the rank or the score is no number")
        if not math.isfinite(score):
            reader.refuse("the score is no number")
        documents = found.setdefault(query_id, {})
        if document_id in documents:
            reader.refuse(f"“{document_id}” is there twice for “{query_id}”")
        documents[document_id] = (-score, rank)
        if count > MOST_JUDGEMENTS:
            reader.refuse(f"there are more than {MOST_JUDGEMENTS:,} lines")
    return {query_id: sorted(places, key=places.__getitem__) for query_id, places in found.items()}


def write_run(path: Path, evaluation: Evaluation) -> int:
    """Write what was found in TREC's six columns (query, Q0, document, rank, score, tag), whole or
    not at all; returns the number of lines. The score is 1 / rank: trec_eval orders by it alone.

    Raises AltusError (``export.failed``).
    """
    asked = evaluation.configuration
    tag = f"altus4-{asked.mode.value}" if asked else "altus4"
    count = 0
    with open_chosen(path) as file:
        for result in evaluation.results:
            for rank, document in enumerate(result.documents, 1):
                line = f"{result.query.id} Q0 {document} {rank} {1 / rank:.9f} {tag}\n"
                file.write(line.encode())
                count += 1
    return count


def write_queries(
    path: Path, queries: Sequence[JudgedQuery], notes: Mapping[str, str], form: FileForm
) -> None:
    """Write queries and notes as `read_topics` reads them, whole or not at all; TREC's topics hold
    no line breaks, those become spaces.

    Raises AltusError (``export.failed``).
    """
    with open_chosen(path) as file:
        for query in queries:
            note = notes.get(query.id, "")
            if form is FileForm.JSONL:
                document = {"id": query.id, "text": query.text} | ({"note": note} if note else {})
                file.write(f"{json.dumps(document, ensure_ascii=False)}\n".encode())
                continue
            parts = zip(_LABELS.items(), (query.id, query.text, note), strict=True)
            lines = [f"<{part}> {label} {_escaped(text)}" for (part, label), text in parts if text]
            file.write("\n".join(["<top>", *lines, "</top>", "", ""]).encode())


def write_judgements(path: Path, judgements: Judgements, form: FileForm) -> int:
    """Write grades as `read_judgements` reads them, whole or not at all; returns how many.

    Raises AltusError (``export.failed``), InputError (field ``qrels``) for ids of queries that
    TREC's columns cannot hold.
    """
    count = 0
    with open_chosen(path) as file:
        for query_id, grades in judgements.items():
            if form is FileForm.TREC and (
                query_id.startswith("{") or query_id.lower() in _QUERY_HEADS
            ):
                raise InputError(
                    "qrels",
                    "The id “{name}” of a query means something else in TREC's form.",
                    hint="Write JSON lines, or give the query another id.",
                    name=query_id,
                )
            for document_id, grade in grades.items():
                count += 1
                if form is FileForm.TREC:
                    line = f"{query_id} 0 {document_id} {grade}"
                else:
                    line = json.dumps(
                        {"query_id": query_id, "document_id": document_id, "relevance": grade},
                        ensure_ascii=False,
                    )
                file.write(f"{line}\n".encode())
    return count


def _query_parts(reader: _Reader, line: str, lines: Iterator[str]) -> tuple[str, str, str] | None:
    """Id, text and note of the query that begins with ``line``; None for headings."""
    if line.startswith("{"):
        document = reader.document(line)
        query_id, text = reader.name(document, "id"), document.get("text")
        if not isinstance(text, str):
            reader.refuse("“text” is missing")
        note = document.get("note", "")
        if not isinstance(note, str):
            reader.refuse("“note” is no text")
        return query_id, text, note
    if line.strip().lower() == "<top>":
        return _topic_parts(reader, lines)
    query_id, tab, text = line.partition("\t")
    if reader.is_first and query_id.strip().lower() in _QUERY_HEADS:
        return None
    if not tab:
        reader.refuse("an id, a tab and the text are expected, or a JSON object, or <top>")
    return query_id, text, ""


def _topic_parts(reader: _Reader, lines: Iterator[str]) -> tuple[str, str, str]:
    """Number, title and narrative of a topic whose first line was read."""
    parts: dict[str, list[str]] = {}
    part = ""
    line = next(lines, None)
    while line is not None and line.strip().lower() != "</top>":
        tag = _TAG.match(line)
        if tag:
            part = tag[1].lower()
        if part == "top":
            reader.refuse("the topic before has no </top>")
        parts.setdefault(part, []).append(_CLOSING.sub("", line[tag.end() if tag else 0 :]))
        line = next(lines, None)
    if line is None:
        reader.refuse("the last topic has no </top>")
    number, text, note = (
        _unescaped(" ".join(parts.get(name, ()))).removeprefix(label).strip()
        for name, label in _LABELS.items()
    )
    return number, text, note


def _escaped(text: str) -> str:
    """``text`` on one line and without tags."""
    line = " ".join(text.split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(text: str) -> str:
    plain = " ".join(text.split())
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _json_judgement(reader: _Reader, line: str) -> tuple[str, str, str]:
    document = reader.document(line)
    # A number only: true and 1.5 are no grades.
    grade = document.get("relevance")
    return (
        reader.name(document, "query_id"),
        reader.name(document, "document_id"),
        str(grade) if type(grade) is int else "",
    )


class _Reader:
    """Reads a bounded file line by line, and knows which one it is at."""

    def __init__(self, field: str, path: Path) -> None:
        self._field = field
        self._path = path
        self._line = 0
        self._read = 0
        self._width = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the first line with anything in it."""
        return self._read == 1

    def lines(self) -> Iterator[str]:
        """The lines that hold something, without their ends."""
        try:
            with self._path.open("rb") as file:
                # Of a pipe or a device no size is known before.
                content = file.read(LARGEST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise InputError(
                self._field,
                "“{path}” cannot be read: {reason}.",
                path=str(self._path),
                reason=reason or type(error).__name__,
            ) from error
        if len(content) > LARGEST_BYTES:
            raise InputError(
                self._field,
                "“{path}” is larger than {most} MB.",
                path=str(self._path),
                most=LARGEST_BYTES // (1024 * 1024),
            )
        for number, raw in enumerate(content.split(b"\n"), 1):
            self._line = number
            try:
                # The mark of Windows' editors stands at the beginning of the first line.
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
            except UnicodeDecodeError:
                self.refuse("it is no text in UTF-8")
            if "\0" in line:
                self.refuse("there is a NUL character in it")
            if line.strip():
                self._read += 1
                yield line

    def columns(self, line: str) -> tuple[str, str, str]:
        """Query, document and grade of a line of three or four columns, as many as before."""
        columns = line.split("\t") if line.count("\t") == 2 else line.split()
        if len(columns) not in (3, 4):
            self.refuse("three or four columns are expected, or a JSON object")
        # A line of four that lost its grade would else be read as one of three.
        self._width = self._width or len(columns)
        if len(columns) != self._width:
            self.refuse(f"there are {len(columns)} columns, and {self._width} before")
        return columns[0], columns[-2], columns[-1]

    def document(self, line: str) -> dict[str, Any]:
        """The JSON object that ``line`` holds."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            self.refuse("it is no JSON object")
        if not isinstance(value, dict):
            self.refuse("it is no JSON object")
        return value

    def name(self, document: dict[str, Any], field: str) -> str:
        """A text or a whole number of ``document``, as a text."""
        value = document.get(field)
        if isinstance(value, str):
            return value
        if type(value) is not int or abs(value) >= 10**30:
            self.refuse(f"“{field}” is missing")
        return str(value)

    def checked_id(self, text: str) -> str:
        """``text`` as the name of a query or a document: not empty, without spaces."""
        name = text.strip()
        # Printable: no control character, and no half of a character that JSON can write.
        if not name or len(name.split()) != 1 or not name.isprintable():
            self.refuse("an id is empty, or has a space or something unprintable in it")
        if len(name) > LONGEST_ID:
            self.refuse(f"an id is longer than {LONGEST_ID} characters")
        return name

    def check_text(self, what: str, text: str) -> None:
        """Refuse what no search would take."""
        if any("\ud800" <= char <= "\udfff" for char in text):
            self.refuse(f"the {what} holds half a character")
        if len(text) > LONGEST_TEXT:
            self.refuse(f"the {what} is longer than {LONGEST_TEXT:,} characters")

    def refuse(self, reason: str) -> NoReturn:
        """Raise InputError that names the line."""
        raise InputError(
            self._field,
            "Line {line} of “{path}”: {reason}.",
            hint="See “evaluate --help” for the forms that are read.",
            line=self._line,
            path=str(self._path),
            reason=reason,
        )
