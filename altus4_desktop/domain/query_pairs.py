"""What two ways to search found for the same query."""

from __future__ import annotations

from dataclasses import dataclass

from altus4_desktop.domain.evaluation import JudgedQuery, QueryResult

# Sums of the same gains in another order differ in their last digits.
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class QueryPair:
    """What A (``first``) and B found for one query; ``second`` is None where only A was measured,
    or where B has not the query.

    ``shared`` counts the documents that are among the first ten of both, ``same`` says whether
    those are the same ones in the same order.
    """

    first: QueryResult
    second: QueryResult | None = None
    shared: int = 0
    same: bool = True

    @property
    def query(self) -> JudgedQuery:
        """The query of both."""
        return self.first.query

    @property
    def gain(self) -> float | None:
        """B's nDCG less A's; None where it says nothing: not judged, or there is no B."""
        if self.second is None or not self.first.judged:
            return None
        difference = self.second.ndcg - self.first.ndcg
        return difference if abs(difference) > _SAME else 0.0

    @property
    def failure(self) -> str:
        """Why A, or else B, did not answer in full; empty when both did."""
        return self.first.failure or (self.second.failure if self.second else "")

    @property
    def has_changed(self) -> bool:
        """Whether B is better or worse, or, where nothing is judged, finds something else."""
        gain = self.gain
        return not self.same if gain is None else gain != 0

    @property
    def is_worse(self) -> bool:
        """Whether B is worse; of a query that is not judged: whether it finds nothing any more."""
        gain = self.gain
        if gain is not None:
            return gain < 0
        return bool(
            self.second is not None
            and self.first.documents
            and not self.second.documents
            and not self.second.failure
        )
