"""The sentences of insights: templates, filled in with what was counted."""

from __future__ import annotations

from dataclasses import dataclass

from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.insights import shown
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.zero_causes import ZeroCause

_FAILURES = {
    "tenant.host": "its server cannot be reached",
    "tenant.port": "nothing answers at its port",
    "tenant.tls": "its connection cannot be protected",
    "tenant.tunnel": "its SSH tunnel fails",
    "tenant.credentials": "its user name or password is refused",
    "tenant.database": "its database is not there",
    "tenant.timeout": "it does not answer in time",
    "tenant.lost": "its server goes away",
    "tenant.busy": "all its connections are busy",
    "tenant.denied": "rights are missing",
    "tenant.query": "it refuses the statement",
    "tenant.protocol": "its answers cannot be read",
}

_GROUPS = {
    "connection": "were asked of “{who}”.",
    "mode": "were {who} searches.",
    "user": "were made by {who}.",
}

_CAUSES = {
    ZeroCause.NO_WORDS: "{searches} searches for “{query}” found nothing: there are only signs in"
    " it.",
    ZeroCause.STOP_WORDS: "{searches} searches for “{query}” found nothing: it has only stop words,"
    " which are not in the index.",
    ZeroCause.TOO_SHORT: "{searches} searches for “{query}” found nothing: its words are shorter"
    " than the server indexes.",
    ZeroCause.NOT_INDEXED: "{searches} searches for “{query}” found nothing: the server does not"
    " index its words.",
    ZeroCause.EMPTIED: "{searches} searches for “{query}” found nothing: it requires a word that is"
    " not in the index.",
    ZeroCause.ONLY_EXCLUDED: "{searches} searches for “{query}” found nothing: it says only what to"
    " leave out.",
    ZeroCause.NEEDS_NGRAM: "{searches} searches for “{query}” found nothing: text without blanks"
    " needs an index with the ngram parser.",
    ZeroCause.NO_INDEX: "{searches} searches for “{query}” found nothing: there is no FULLTEXT"
    " index.",
    ZeroCause.FILTERED: "{searches} searches for “{query}” found nothing: filters or a threshold"
    " were on.",
    ZeroCause.OPERATORS: "{searches} searches for “{query}” found nothing: no row fits its"
    " operators.",
    ZeroCause.ABSENT: "{searches} searches for “{query}” found nothing: no row matches its words.",
}


def misspelt_words(searches: str, query: str, meant: str, rows: int, *, at_least: bool) -> Remark:
    """A text is not there, one like it is."""
    template = "{searches} searches for “{query}” found nothing; “{meant}” has {rows} rows."
    if rows == 1:
        template = "{searches} searches for “{query}” found nothing; “{meant}” has 1 row."
    if at_least:
        template = (
            "{searches} searches for “{query}” found nothing; “{meant}” has at least {rows} rows."
        )
    return Remark(
        template,
        {
            "searches": _begun(searches),
            "query": shown(query),
            "meant": shown(meant),
            "rows": f"{rows:,}",
        },
    )


def nothing_words(searches: str, query: str, cause: ZeroCause) -> Remark:
    """A text finds nothing, and it is known why."""
    return Remark(_CAUSES[cause], {"searches": _begun(searches), "query": shown(query)})


def reworded_words(searches: str, query: str, after: str, mended: int, *, at_least: bool) -> Remark:
    """People find what they look for in other words."""
    template = (
        "{searches} searches for “{query}” found nothing; after {mended} of them people searched"
        " “{after}” and found something."
    )
    if at_least:
        template = (
            "{searches} searches for “{query}” found nothing; after at least {mended} of them"
            " people searched “{after}” and found something."
        )
    return Remark(
        template,
        {
            "searches": _begun(searches),
            "query": shown(query),
            "after": shown(after),
            "mended": f"{mended:,}",
        },
    )


def popular_words(searches: str, query: str, before: str) -> Remark:
    """A text is searched much more often."""
    if before == "0":
        template = "“{query}” was searched {searches} times, and never in as many days before."
        return Remark(template, {"query": shown(query), "searches": searches})
    template = "“{query}” was searched {searches} times, and {before} times in as many days before."
    if before == "1":
        template = "“{query}” was searched {searches} times, and once in as many days before."
    return Remark(
        template,
        {"query": shown(query), "searches": searches, "before": before},
    )


def fruitless_words(zero: int, searches: int, zero_before: int, searches_before: int) -> Remark:
    """More of all searches find nothing."""
    return Remark(
        "{zero} of {searches} searches found nothing, {share} %; in as many days before it was"
        " {zero_before} of {searches_before}, {share_before} %.",
        {
            "zero": f"{zero:,}",
            "searches": f"{searches:,}",
            "share": _percent(zero, searches),
            "zero_before": f"{zero_before:,}",
            "searches_before": f"{searches_before:,}",
            "share_before": _percent(zero_before, searches_before),
        },
    )


def failing_words(failed: str, searches: str, connection: str, code: str) -> Remark:
    """A connection does not answer."""
    return Remark(
        "{failed} of {searches} searches that asked “{connection}” failed, most often because"
        " {why}.",
        {
            "failed": _begun(failed),
            "searches": searches,
            "connection": shown(connection),
            "why": failure_words(code),
        },
    )


@dataclass(frozen=True, slots=True)
class Slowness:
    """How much slower searches were, and ``part`` of the ``slow`` ones, which took ``from_ms``, as
    belong to a group; ``by`` "" without one."""

    days: Period
    now_ms: float
    before_ms: float
    slow: int
    from_ms: int
    by: str = ""
    who: str = ""
    part: int = 0


def slower_words(told: Slowness) -> Remark:
    """Searches took longer for some days."""
    is_day = told.days.first == told.days.last
    head = "On {day} the p95 rose from about {before_ms} to {now_ms} ms"
    if not is_day:
        head = "From {day} to {last_day} the p95 rose from about {before_ms} to {now_ms} ms"
    details = {
        "day": f"{told.days.first:%A %Y-%m-%d}",
        "last_day": f"{told.days.last:%A %Y-%m-%d}",
        "before_ms": f"{told.before_ms:,.0f}",
        "now_ms": f"{told.now_ms:,.0f}",
        "slow": f"{told.slow:,}",
        "from_ms": f"{told.from_ms:,}",
        "who": shown(told.who),
        "part": f"{told.part:,}",
    }
    tail = "{slow} searches took {from_ms} ms or longer."
    if told.by:
        whole = told.part == told.slow
        share = "all {slow} searches of" if whole else "{part} of the {slow} searches of"
        tail = f"{share} {{from_ms}} ms or longer {_GROUPS[told.by]}"
    return Remark(f"{head}: {tail}", details)


def failure_words(code: str) -> str:
    """What went wrong with a connection, after “because”."""
    return _FAILURES.get(code, f"of the error {code}")


def _begun(words: str) -> str:
    """Words that begin a sentence."""
    return words[:1].upper() + words[1:]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}"
