"""Insights for the panes, as they are told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.insights import Insight, InsightKind, InsightReport, rank_insights
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.services.insight_words import (
    Slowness,
    failing_words,
    fruitless_words,
    misspelt_words,
    nothing_words,
    popular_words,
    reworded_words,
    slower_words,
)

_TUESDAY = Period(date(2026, 3, 24), date(2026, 3, 24))
_LINK = HistoryQuery(from_at=datetime(2026, 3, 1, tzinfo=UTC))
_LONG = "a <b>very</b> long name of a customer that goes on and on and on and on and on"


def make_insights() -> InsightReport:
    """One of each kind, the first with the longest texts that there are."""
    misspelt = HistoryQuery("invoise", outcome=HistoryOutcome.NONE, whole=True)
    slow = Slowness(_TUESDAY, 900.0, 80.0, 31, 130, "connection", "Library", 31)
    told = [
        (InsightKind.NOTHING, nothing_words("More than 10,000", _LONG, ZeroCause.ABSENT), 10_001),
        (InsightKind.FAILING, failing_words("7", "27", "Shop", "tenant.lost"), 7),
        (InsightKind.SLOWER, slower_words(slow), 31),
        (InsightKind.REWORDED, reworded_words("5", "lorry", "truck", 4, at_least=False), 5),
        (InsightKind.POPULAR, popular_words("25", "recall", "3"), 25),
    ]
    insights = [
        Insight(kind, remark, _LINK, count, weight=float(9 - place))
        for place, (kind, remark, count) in enumerate(told)
    ]
    insights.append(
        Insight(
            InsightKind.MISSPELT,
            misspelt_words("17", "invoise", "invoice", 240, at_least=False),
            misspelt,
            17,
            retry=SearchRequest("invoice", connection_ids=("c1",)),
            weight=7.5,
        )
    )
    fruitless = fruitless_words(41, 240, 10, 210)
    insights.append(Insight(InsightKind.FRUITLESS, fruitless, chart="searches", weight=1.0))
    return InsightReport(rank_insights(insights))


@dataclass
class FakeInsights:
    """Answers with ``report``, fails, or waits until it is stopped."""

    report: InsightReport = field(default_factory=make_insights)
    error: AltusError | None = None
    hangs: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)
    asked: list[Period] = field(default_factory=list)

    def find_(self, actor: Actor, period: Period, token: CancelToken) -> InsightReport:
        del actor
        self.asked.append(period)
        if self.hangs:
            token.wait(10)
            self.stopped.set()
            token.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        return self.report
