"""The language reference that Python's interpreter carries for its ``help()``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from altus4_desktop.services.sample_rows import BODY_CHARACTERS, TITLE_CHARACTERS, Row, add_row

_UNDERLINE = re.compile(r"^(.+)\n([*=\-~^\"]{3,})\n", re.MULTILINE)


def read_language_reference() -> dict[str, list[Row]]:
    """The topics, their paragraphs, the words that lead to them: rows by table."""
    from pydoc_data.topics import topics

    topic_rows: list[Row] = []
    section_rows: list[Row] = []
    for label, body in sorted(topics.items()):
        text = body.strip("\n")
        heading = _UNDERLINE.match(text)
        title = heading.group(1).strip() if heading else label
        topic_id = add_row(
            topic_rows,
            title[:TITLE_CHARACTERS],
            label,
            text[:BODY_CHARACTERS],
            len(text.split()),
        )
        section = title
        position = 0
        for paragraph in _paragraphs(text):
            found = _UNDERLINE.match(paragraph + "\n")
            if found:
                section = found.group(1).strip()
                continue
            position += 1
            add_row(
                section_rows,
                topic_id,
                position,
                section[:TITLE_CHARACTERS],
                paragraph[:BODY_CHARACTERS],
            )
    return {"topics": topic_rows, "sections": section_rows, "keywords": _read_keywords(topics)}


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if paragraph.strip():
            yield paragraph.strip("\n")


def _read_keywords(topics: Mapping[str, str]) -> list[Row]:
    from pydoc import Helper

    rows: list[Row] = []
    groups: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("keyword", Helper.keywords),
        ("symbol", Helper.symbols),
        ("topic", Helper.topics),
    )
    for kind, words in groups:
        for word, target in sorted(words.items()):
            label = target[0] if isinstance(target, tuple) else str(target)
            while label not in topics and isinstance(Helper.topics.get(label), str):
                label = str(Helper.topics[label])
            text = topics.get(label, "").strip("\n")
            first = next(
                (part for part in _paragraphs(text) if not _UNDERLINE.match(part + "\n")), None
            )
            add_row(rows, word[:TITLE_CHARACTERS], kind, label, first)
    return rows
