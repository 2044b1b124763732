"""Words that mean the same: a query is asked with all of them, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altus4_desktop.domain.searching import Expansion
from altus4_desktop.search.boolean import MAX_GROUPS, Group, Phrase, Word, parse_boolean, walk
from altus4_desktop.search.words import Folding, fold_word, split_words

Terms = tuple[str, ...]


def expand(
    query: str, groups: Sequence[Terms], *, boolean: bool
) -> tuple[str, tuple[Expansion, ...]]:
    """``query`` asking also for what means the same as its terms, and what was added for which.

    Each of ``groups`` holds terms of equal meaning, of one word or several. Natural text gets the
    others behind it. In boolean text a term becomes a group of all of them with the operator that
    it had; what is excluded, begins a word or has a distance stays as it is. Text that is no
    boolean query raises QuerySyntaxError.
    """
    if not groups:
        return query, ()
    others = _others(groups)
    if boolean:
        return _expand_boolean(query, others)
    return _expand_natural(query, others)


def used_groups(groups: Sequence[Terms], expansions: Sequence[Expansion]) -> tuple[Terms, ...]:
    """Those of ``groups`` that added something to a query: they alone make the same of it."""
    asked = {_words(expansion.term) for expansion in expansions}
    return tuple(terms for terms in groups if not asked.isdisjoint(map(_words, terms)))


def _others(groups: Sequence[Terms]) -> dict[Terms, list[str]]:
    """For the folded words of every term, the other terms of its groups."""
    others: dict[Terms, dict[str, None]] = {}
    for terms in groups:
        for term in terms:
            known = others.setdefault(_words(term), {})
            known.update((other, None) for other in terms if _words(other) != _words(term))
    return {words: list(known) for words, known in others.items() if words}


def _expand_natural(
    query: str, others: Mapping[Terms, Sequence[str]]
) -> tuple[str, tuple[Expansion, ...]]:
    words = _words(query)
    longest = max(map(len, others))
    expansions = {}
    for start in range(len(words)):
        for length in range(1, min(longest, len(words) - start) + 1):
            asked = words[start : start + length]
            added = tuple(
                other for other in others.get(asked, ()) if not _contains(words, _words(other))
            )
            if added:
                expansions[asked] = Expansion(" ".join(asked), added)
    added_words = [other for expansion in expansions.values() for other in expansion.added]
    return " ".join([query, *dict.fromkeys(added_words)]), tuple(expansions.values())


def _expand_boolean(
    query: str, others: Mapping[Terms, Sequence[str]]
) -> tuple[str, tuple[Expansion, ...]]:
    nodes = list(walk(parse_boolean(query)))
    room = MAX_GROUPS - sum(isinstance(node, Group) for node in nodes)
    excluded = [(node.start, node.end) for node in nodes if node.operator == "-"]
    expansions: dict[str, Expansion] = {}
    changes: list[tuple[int, int, str]] = []
    for node in nodes:
        if isinstance(node, Group) or node.operator not in {"", "+"} or room <= len(changes):
            continue
        if any(start <= node.start and node.end <= end for start, end in excluded):
            continue
        if (isinstance(node, Word) and node.prefix) or (
            isinstance(node, Phrase) and node.distance is not None
        ):
            continue
        added = others.get(_words(node.text))
        if added:
            typed = query[node.start : node.end].removeprefix(node.operator).strip()
            terms = " ".join([typed, *map(_quoted, added)])
            changes.append((node.start, node.end, f"{node.operator}({terms})"))
            expansions[node.text] = Expansion(node.text, tuple(added))
    for start, end, text in reversed(changes):
        query = query[:start] + text + query[end:]
    return query, tuple(expansions.values())


def _quoted(term: str) -> str:
    return term if split_words(term) == [term] else f'"{term}"'


def _contains(words: Terms, part: Terms) -> bool:
    return any(words[at : at + len(part)] == part for at in range(len(words) - len(part) + 1))


def _words(text: str) -> Terms:
    return tuple(fold_word(word, Folding.CASE_AND_ACCENTS) for word in split_words(text))
