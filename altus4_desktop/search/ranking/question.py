"""The terms of a question, and the stems by which texts are compared with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from altus4_desktop.search.stemming import function_words
from altus4_desktop.search.words import Folding, fold_word, has_cjk, split_words, word_pattern

# The default stop words of InnoDB (MySQL manual, "Full-Text Stopwords").
STOP_WORDS = frozenset(
    """a about an are as at be by com de en for from how i in is it la of on or that the this to was
    what when where who will with und www""".split()  # noqa: SIM905  # easier to compare so
)
# Chinese, Japanese and Korean are compared by pairs of characters, as Lucene's CJKAnalyzer does.
_PAIR = 2
_SHORTEST_PREFIX = 3
_MOST_STEMS = 50_000
# Nobody types a longer word, and base64 is full of them.
_LONGEST_WORD = 84


@dataclass(frozen=True, slots=True)
class QuestionTerm:
    """One stem of a question: ``words`` as typed, ``count`` times; ``prefix`` begins all of them,
    and ``whole`` says that the words must not be searched by their beginning."""

    stem: str
    words: tuple[str, ...]
    count: int
    prefix: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: ``terms`` in the order typed, and the analyser of all texts, which stems
    words of ``language``."""

    text: str
    terms: tuple[QuestionTerm, ...]
    analyser: Analyser
    language: str = ""

    def stems_of(self, term: QuestionTerm) -> set[str]:
        """What a term of the same question read in another language is in this one."""
        if has_cjk(term.stem):
            return {term.stem}
        return {self.analyser.stem(word) or word for word in term.words}


class Analyser:
    """Turns texts into stems without accents and case; ``stem`` maps one lower-case word.

    May be used by several threads: what is remembered is only added, and never read half-made.
    """

    def __init__(self, stem: Callable[[str], str], stop_words: frozenset[str] = STOP_WORDS) -> None:
        self._stems = _Stems(stem, stop_words)

    def stems(self, text: str) -> list[str]:
        """The stems of ``text`` in order, stop words left out."""
        stems = self._stems
        if len(stems) > _MOST_STEMS:
            stems.clear()
        words = word_pattern().findall(text.lower())
        if text.isascii():
            return list(filter(None, map(stems.__getitem__, words)))
        found: list[str] = []
        for word in words:
            if has_cjk(word):
                found.extend(_pairs(word))
            elif stem := stems[word]:
                found.append(stem)
        return found

    def counts(self, text: str) -> Counter[str]:
        """How often each stem stands in ``text``."""
        return Counter(self.stems(text))

    def stem(self, word: str) -> str:
        """The stem of one word, stop word or not."""
        return self._stems.make(word.lower())


def read_question(text: str, stem: Callable[[str], str], language: str = "") -> Question:
    """The question ``text`` read with the stemmer ``stem`` of ``language``.

    Neither InnoDB's stop words nor the function words of ``language`` count, unless there is
    nothing else. Without any word the terms are empty.
    """
    stop_words = STOP_WORDS | function_words(language)
    words = [word for word in split_words(text.lower()) if len(word) <= _LONGEST_WORD]
    telling = [word for word in words if word not in stop_words]
    if not telling:
        telling, stop_words = words, stop_words.difference(words)
    analyser = _get_analyser(stem, stop_words)
    typed: dict[str, list[str]] = {}
    for word in telling:
        if has_cjk(word):
            for pair in _pairs(word):
                typed.setdefault(pair, []).append(word)
        else:
            typed.setdefault(analyser.stem(word) or word, []).append(word)
    terms = tuple(
        QuestionTerm(
            stem=stem_,
            words=tuple(dict.fromkeys(forms)),
            count=len(forms),
            prefix=_prefix(forms, [stem(form) for form in forms]),
            whole=has_cjk(stem_),
        )
        for stem_, forms in typed.items()
    )
    return Question(text, terms, analyser, language)


@lru_cache(maxsize=8)
def _get_analyser(stem: Callable[[str], str], stop_words: frozenset[str]) -> Analyser:
    # The words of one search are mostly those of the one before.
    return Analyser(stem, stop_words)


def _prefix(forms: list[str], stems: list[str]) -> str:
    """What the words and, where it begins them, their stem have in common."""
    common = _common([*forms, *stems])
    # A stem that changes the first letters says nothing of how other forms begin.
    return common if len(common) >= _SHORTEST_PREFIX else _common(forms)


def _common(words: list[str]) -> str:
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*words, strict=False))
    return "".join(letters[0] for letters in alike)


def _pairs(word: str) -> list[str]:
    if len(word) <= _PAIR:
        return [word]
    return [word[at : at + _PAIR] for at in range(len(word) - 1)]


class _Stems(dict[str, str]):
    """The stem of each word, "" for what does not count; what was asked once is kept."""

    def __init__(self, stem: Callable[[str], str], stop_words: frozenset[str]) -> None:
        super().__init__()
        self._stem = stem
        self._stop_words = stop_words

    def make(self, word: str) -> str:
        return fold_word(self._stem(word), Folding.CASE_AND_ACCENTS)

    def __missing__(self, word: str) -> str:
        counts = word not in self._stop_words and len(word) <= _LONGEST_WORD
        stem = self.make(word) if counts else ""
        self[word] = stem
        return stem
