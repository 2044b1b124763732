"""The ranking itself.

* BM25 with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza, "The Probabilistic Relevance Framework:
  BM25 and Beyond", 2009) on stems, over statistics of all sources together.
* Cosine of static word embeddings of question and row, for the best rows by BM25.
* Both standardised (mean 0, deviation 1; z-score fusion, Montague and Aslam 2001) and added, words
  with weight 1 and meaning with 1/2: static embeddings alone rank far worse than words.
* Feedback (Rocchio 1971; Lavrenko and Croft's relevance model 2001): the best rows of the first
  ranking, each with the weight 1 / log2(1 + place) that nDCG gives its place, move the question's
  embedding and add the words that tell them apart.

Every row beyond the reread ones keeps its BM25 order behind them.

Weights that people gave (`search.weights`) take part twice:

* A word in a column of weight w counts as w words in BM25: the weighted sum of frequencies is
  damped as a whole (BM25F, Robertson, Zaragoza and Taylor 2004). A row's length stays that of its
  words, so a greater weight never lowers the BM25 score of a row with a word of the question there.
* ln(w) of the table's weight is added to the finished score, as a prior probability of relevance
  is to a sum of logarithms (Kraaij, Westerveld and Hiemstra, "The Importance of Prior
  Probabilities for Entry Page Search", 2002): BM25 adds up Robertson and Spärck Jones' weights,
  which are logarithms of odds. Scores have no zero, so multiplying them would push down what is
  below it. Nothing else depends on it, neither what is reread nor the feedback: a source keeps its
  own order, and a greater weight never puts one of its rows further down.

Sources may be in several languages: each row is compared with the question as its source read it,
and a word is as rare as it is in all of them together, whatever its stem is there.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_not
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from altus4_desktop.search.ranking.question import Question
from altus4_desktop.search.ranking.records import (
    Candidate,
    Degraded,
    Explanation,
    Lack,
    Ranked,
    Ranking,
    SourceCandidates,
    TermMatch,
)
from altus4_desktop.search.ranking.statistics import PooledStatistics
from altus4_desktop.search.ranking.vectors import Embedder, kept_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RowT = TypeVar("RowT")

K1 = 1.2
B = 0.75
MEANING_WEIGHT = 0.5
REREAD_ROWS = 100
FEEDBACK_ROWS = 8
FEEDBACK_TERMS = 10
FEEDBACK_WEIGHT = 0.3
# Static embeddings blur with length: what stands first says what a text is about.
EMBEDDED_CHARS = 2_000


class Ranker(Generic[RowT]):
    """Ranks the answers to one question, which a source may have read in a language of its own;
    ``embedder`` None means words alone."""

    def __init__(self, question: Question, embedder: Embedder | None) -> None:
        self._question = question
        self._embedder = embedder
        self._read: tuple[tuple[SourceCandidates[RowT], ...], dict[str, _Reading]] = (), {}

    def question_of(self, source: SourceCandidates[RowT]) -> Question:
        """The question as ``source`` was asked it."""
        return source.question or self._question

    def rank(self, sources: Sequence[SourceCandidates[RowT]]) -> Ranking[RowT]:
        """All candidates of ``sources``, each row once, best first; equal scores in the order of
        table, server rank and index."""
        import numpy as np

        degraded = list(dict.fromkeys(lack for source in sources for lack in source.degraded))
        if self._embedder is None:
            degraded.append(Degraded(Lack.NO_MODEL))
        readings = [*self._readings(sources).values()]
        placed = _each_once(sources)
        if not placed:
            return Ranking((), degraded=tuple(degraded))
        lexical = self._lexical(placed, [(one, one.weights) for one in readings])
        order = np.argsort(-lexical, kind="stable")
        placed = [placed[at] for at in order]
        lexical = lexical[order]
        reread = min(REREAD_ROWS, len(placed))
        head = placed[:reread]
        words = _standard(lexical[:reread])
        vectors, asked = self._embed(head)
        cosine = np.zeros(reread) if vectors is None else vectors @ asked
        meaning = MEANING_WEIGHT * _standard(cosine)
        first = words + meaning
        added, final = self._feed_back(head, first, readings, vectors, asked)
        tail = final.min() - 1.0 if reread < len(placed) else 0.0
        rows = [
            Ranked(
                source=placed[at][0],
                candidate=placed[at][1],
                source_rank=placed[at][2],
                score=float(final[at]),
                lexical=float(lexical[at]),
                meaning=None if vectors is None else float(cosine[at]),
                words_part=float(words[at]),
                meaning_part=float(meaning[at]),
                feedback_part=float(final[at] - words[at] - meaning[at]),
            )
            for at in np.lexsort((np.arange(reread), -final))
        ]
        # Below every reread row, and in (tail - 1, tail] by BM25.
        best = float(lexical[reread]) if reread < len(placed) else 0.0
        rows += [
            _unread(placed[at], float(lexical[at]), tail, best) for at in range(reread, len(placed))
        ]
        return Ranking(_with_priors(rows), added, tuple(degraded))

    def explain(
        self, ranked: Ranked[RowT], sources: Sequence[SourceCandidates[RowT]]
    ) -> Explanation:
        """The terms of the question in one row, by the statistics of the ``sources`` it was ranked
        among."""
        question = self.question_of(ranked.source)
        pooled = self._readings(sources)[question.language].pooled
        candidate = ranked.candidate
        by_column = {name: question.analyser.counts(cell) for name, cell in candidate.cells.items()}
        matches = []
        for term in question.terms:
            tf = candidate.stems.get(term.stem, 0)
            if not tf:
                continue
            idf = pooled.idf(term.stem)
            matches.append(
                TermMatch(
                    stem=term.stem,
                    words=term.words,
                    columns={
                        name: counts[term.stem]
                        for name, counts in by_column.items()
                        if counts[term.stem]
                    },
                    df=pooled.df(term.stem),
                    rows=pooled.rows,
                    idf=idf,
                    contribution=term.count * idf * _saturated(tf, candidate.length, pooled),
                )
            )
        matches.sort(key=lambda match: -match.contribution)
        return Explanation(
            tuple(matches), candidate.length, pooled.average_length, pooled.estimated
        )

    def _readings(self, sources: Sequence[SourceCandidates[RowT]]) -> dict[str, _Reading]:
        """The question in each language of ``sources``; kept until others are asked for."""
        known = self._read[0]
        if len(known) != len(sources) or any(map(is_not, known, sources)):
            asked = {question.language: question for question in map(self.question_of, sources)}
            self._read = (
                tuple(sources),
                {
                    language: _Reading(
                        question,
                        PooledStatistics(sources, question),
                        {term.stem: float(term.count) for term in question.terms},
                    )
                    for language, question in asked.items()
                },
            )
        return self._read[1]

    def _lexical(
        self,
        placed: Sequence[Placed[RowT]],
        weighed: Sequence[tuple[_Reading, dict[str, float]]],
    ) -> Floats:
        """BM25 of every row, by the weights of stems in its own reading."""
        import numpy as np

        scores = np.zeros(len(placed))
        languages = [self.question_of(source).language for source, _, _ in placed]
        for reading, weights in weighed:
            at = [n for n, code in enumerate(languages) if code == reading.question.language]
            scores[at] = _bm25([placed[n][1] for n in at], weights, reading.pooled)
        return scores

    def _embed(self, head: Sequence[Placed[RowT]]) -> tuple[Any, Any]:
        """The vectors of ``head`` and of the question; None, None without a model."""
        import numpy as np

        if self._embedder is None:
            return None, None
        texts = [candidate.text[:EMBEDDED_CHARS] for _, candidate, _ in head]
        vectors = (
            kept_vectors(self._embedder)
            .embed(self._embedder, [*texts, self._question.text])
            .astype(np.float64)
        )
        return vectors[:-1], vectors[-1]

    def _feed_back(
        self,
        head: Sequence[Placed[RowT]],
        first: Floats,
        readings: Sequence[_Reading],
        vectors: Any,
        asked: Any,
    ) -> tuple[tuple[str, ...], Floats]:
        """The words that the best rows add, and the scores with them."""
        import numpy as np

        best = np.argsort(-first, kind="stable")[:FEEDBACK_ROWS]
        trust = 1 / np.log2(np.arange(len(best)) + 2.0)
        trust /= trust.sum()
        telling: dict[str, float] = {}
        for at, share in zip(best, trust, strict=True):
            candidate = head[at][1]
            for stem, tf in candidate.stems.items():
                telling[stem] = telling.get(stem, 0.0) + share * tf / candidate.length
        for stem in telling:
            telling[stem] *= readings[0].pooled.idf(stem)
        chosen = sorted(telling, key=lambda stem: (-telling[stem], stem))[:FEEDBACK_TERMS]
        shares = {stem: telling[stem] for stem in chosen}
        widened = [(reading, reading.widened(shares)) for reading in readings]
        if not any(weights for _, weights in widened):
            return (), first
        words = _standard(self._lexical(head, widened))
        meaning = np.zeros(len(head))
        if vectors is not None:
            centre = trust @ vectors[best]
            size = float(np.linalg.norm(centre)) or 1.0
            moved = (1 - FEEDBACK_WEIGHT) * asked + FEEDBACK_WEIGHT * centre / size
            meaning = MEANING_WEIGHT * _standard(vectors @ moved)
        asked_stems = {stem for reading in readings for stem in reading.weights}
        added = tuple(stem for stem in chosen if stem not in asked_stems)
        return added, words + meaning


def _with_priors(rows: list[Ranked[RowT]]) -> list[Ranked[RowT]]:
    if all(row.source.weight == 1 for row in rows):
        return rows
    priors = [math.log(row.source.weight) for row in rows]
    weighed = [
        replace(row, score=row.score + prior, weight_part=prior)
        for row, prior in zip(rows, priors, strict=True)
    ]
    return sorted(weighed, key=lambda row: -row.score)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The question in one language: what is known of its stems, and how often each is asked for."""

    question: Question
    pooled: PooledStatistics
    weights: dict[str, float]

    def widened(self, shares: Mapping[str, float]) -> dict[str, float]:
        """The weights together with those of the stems that feedback found."""
        asked, found = sum(self.weights.values()), sum(shares.values())
        if not asked or not found:
            return {}
        widened = {
            stem: (1 - FEEDBACK_WEIGHT) * weight / asked for stem, weight in self.weights.items()
        }
        for stem, share in shares.items():
            widened[stem] = widened.get(stem, 0.0) + FEEDBACK_WEIGHT * share / found
        return widened


Placed = tuple[SourceCandidates[RowT], Candidate[RowT], int]


def _each_once(sources: Sequence[SourceCandidates[RowT]]) -> list[Placed[RowT]]:
    """Every row with its source and the server's rank, the best of its table's indexes."""
    found: dict[Hashable, Placed[RowT]] = {}
    for source in sorted(sources, key=lambda source: (source.table_id, source.index)):
        for rank, candidate in enumerate(source.candidates, 1):
            identity = (source.table_id, candidate.key or (source.index, rank))
            known = found.get(identity)
            if known is None or rank < known[2]:
                found[identity] = source, candidate, rank
    return list(found.values())


def _bm25(
    candidates: Sequence[Candidate[Any]], weights: dict[str, float], pooled: PooledStatistics
) -> Floats:
    import numpy as np

    stems = [(stem, weight * pooled.idf(stem)) for stem, weight in weights.items()]
    counts = np.array(
        [[candidate.stems.get(stem, 0) for stem, _ in stems] for candidate in candidates],
        dtype=np.float64,
    ).reshape(len(candidates), len(stems))
    lengths = np.array([candidate.length for candidate in candidates], dtype=np.float64)
    damping = K1 * (1 - B + B * lengths / pooled.average_length)
    scores: Floats = (counts * (K1 + 1) / (counts + damping[:, None])) @ np.array(
        [weight for _, weight in stems], dtype=np.float64
    )
    return scores


def _saturated(tf: float, length: int, pooled: PooledStatistics) -> float:
    return tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / pooled.average_length))


def _standard(values: Floats) -> Floats:
    """``values`` with mean 0 and deviation 1; all 0 where they do not differ."""
    import numpy as np

    deviation = float(values.std())
    if not deviation > 1e-9 or not math.isfinite(deviation):
        return np.zeros(len(values))
    standard: Floats = (values - values.mean()) / deviation
    return standard


def _unread(placed: Placed[RowT], lexical: float, tail: float, best: float) -> Ranked[RowT]:
    score = tail - (1 - lexical / best if best else 0.0)
    source, candidate, rank = placed
    return Ranked(
        source=source,
        candidate=candidate,
        source_rank=rank,
        score=score,
        lexical=lexical,
        meaning=None,
        words_part=score,
        meaning_part=0.0,
        feedback_part=0.0,
    )
