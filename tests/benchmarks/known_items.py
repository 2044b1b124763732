"""Judged collections from what is on this machine: a text is to be found by its own summary.

The first sentence of a description is the question, the rest of the same description the one
document that answers it (known-item search). The summary is not part of any document, and nothing
of the ranking was chosen by these texts: they tell whether others gain as Cranfield and CISI do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from inspect import cleandoc

from altus4_desktop.services.sample_packages import read_packages
from altus4_desktop.services.sample_python import python_sources

_LEAST_ITEMS = 200
_LEAST_WORDS = 25
_LEAST_QUESTION_WORDS = 3
_MOST_QUESTIONS = 250

Item = tuple[str, str]
"""A summary and what it sums up."""


def read_known_items() -> dict[str, list[Item]]:
    """Items by collection; one that this machine has too little of is left out."""
    found = {"python": _spread([*_docstrings()]), "packages": _spread([*_packages()])}
    return {name: items for name, items in found.items() if len(items) >= _LEAST_ITEMS}


def _spread(items: list[Item]) -> list[Item]:
    """Those that say enough, none twice; those with a question first, evenly over all."""
    telling = {
        summary: (summary, text)
        for summary, text in items
        if len(text.split()) >= _LEAST_WORDS and len(summary.split()) >= _LEAST_QUESTION_WORDS
    }
    by_text = {text: (summary, text) for summary, text in telling.values()}
    kept = list(by_text.values())
    step = max(1, len(kept) // _MOST_QUESTIONS)
    asked = kept[::step][:_MOST_QUESTIONS]
    return [*asked, *(item for item in kept if item not in set(asked))]


def question_count(items: Sequence[Item]) -> int:
    """How many of the items are asked for, from the first on."""
    return min(_MOST_QUESTIONS, len(items))


def _docstrings() -> Iterator[Item]:
    for path in python_sources():
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                doc = cleandoc(ast.get_docstring(node) or "")
                summary, _, rest = doc.partition("\n\n")
                yield " ".join(summary.split()), rest.strip()


def _packages() -> Iterator[Item]:
    for _, _, summary, description, *_ in read_packages()["packages"]:
        yield str(summary), str(description or "")
