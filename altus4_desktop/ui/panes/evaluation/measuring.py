"""What is measured, and doing it: off the GUI thread, on frozen values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import (
    Comparison,
    Configuration,
    Evaluation,
    JudgedQuery,
    Judgements,
)
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.services import Services
from altus4_desktop.services.evaluation_files import read_run
from altus4_desktop.services.evaluation_material import list_past_queries, read_material
from altus4_desktop.services.query_pairs import pair_results
from altus4_desktop.tasks.runner import TaskContext

_LOOKED_BACK = 2000


@dataclass(frozen=True)
class Files:
    """Queries and, if there are any, judgements in files."""

    queries: Path
    qrels: Path | None = None


@dataclass(frozen=True)
class Past:
    """Queries of one's own history: the newest, or those that were asked most often."""

    by_count: bool = False


@dataclass(frozen=True)
class Way:
    """A way to search, and what it is called."""

    name: str
    configuration: Configuration


@dataclass(frozen=True)
class EarlierFile:
    """What an earlier run found, in a file in TREC's form."""

    path: Path


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs to know; ``second`` None: A alone is measured."""

    material: Files | Past
    first: Way
    second: Way | EarlierFile | None


@dataclass(frozen=True)
class Measured:
    """What came of a plan; ``names`` say what A and B are."""

    queries: tuple[JudgedQuery, ...]
    judgements: Judgements
    names: tuple[str, str]
    first: Evaluation
    second: Evaluation | None
    comparison: Comparison | None
    pairs: tuple[QueryPair, ...]


def measure(services: Services, actor: Actor, plan: Plan, context: TaskContext) -> Measured:
    """Read what is to be measured, search, and compare. Blocks; raises what the services raise."""
    queries, judgements = _read(services, actor, plan.material)
    service, second = services.evaluation, None
    ways = [plan.first, *([plan.second] if isinstance(plan.second, Way) else [])]
    if isinstance(plan.second, EarlierFile):
        # Before the searches: what cannot be read is told at once.
        second = service.measure(queries, judgements, read_run(plan.second.path))
    runs = []
    for place, way in enumerate(ways):
        told = _share(context.progress, "AB"[place], place, len(ways))
        runs.append(
            service.run_(actor, queries, judgements, way.configuration, told, context.token)
        )
    first, second = runs[0], runs[1] if len(runs) > 1 else second
    name = plan.second.name if isinstance(plan.second, Way) else ""
    if isinstance(plan.second, EarlierFile):
        name = plan.second.path.name
    return build_measured(services, queries, judgements, (plan.first.name, name), first, second)


def build_measured(
    services: Services,
    queries: tuple[JudgedQuery, ...],
    judgements: Judgements,
    names: tuple[str, str],
    first: Evaluation,
    second: Evaluation | None,
) -> Measured:
    """Two evaluations of the same queries, compared."""
    return Measured(
        queries,
        judgements,
        names,
        first,
        second,
        services.evaluation.compare(first, second) if second is not None else None,
        pair_results(first, second),
    )


def _read(
    services: Services, actor: Actor, material: Files | Past
) -> tuple[tuple[JudgedQuery, ...], Judgements]:
    if isinstance(material, Files):
        return read_material(material.queries, material.qrels)
    records = services.history.list_(actor, limit=_LOOKED_BACK)
    own = [record for record in records if record.user_id == actor.user_id]
    queries = list_past_queries(own, by_count=material.by_count)
    if not queries:
        raise InputError(
            "past",
            "Nothing has been searched yet.",
            hint="Search something first: each search is noted in the history.",
        )
    return queries, {}


def _share(
    progress: Callable[[Progress], None], side: str, place: int, count: int
) -> Callable[[Progress], None]:
    """Progress of one of ``count`` runs as a part of all of them."""

    def tell(step: Progress) -> None:
        done = (place + (step.fraction or 0.0)) / count
        progress(Progress(f"{side} · {step.message}" if count > 1 else step.message, done))

    return tell
