"""What is measured, and doing it: off the GUI thread, on frozen values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError, InputError
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
from altus4_desktop.services.evaluation_material import PAST_QUERIES, number_queries, read_material
from altus4_desktop.services.query_pairs import pair_results
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.panes.evaluation.wording import run_name


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
class Stored:
    """A query set that is kept."""

    set_id: str
    name: str


Material = Stored | Files | Past


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
class EarlierRun:
    """A run that is kept: its first evaluation, or its second."""

    run_id: str
    place: int
    name: str


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs to know; ``second`` None: A alone is measured."""

    material: Material
    first: Way
    second: Way | EarlierFile | EarlierRun | None


@dataclass(frozen=True)
class Measured:
    """What came of a plan; ``names`` say what A and B are, ``unkept`` why the run could not be
    added to those of its query set. ``of_ten``: one of them is a run that was kept, of which ten
    documents a query are known, so that neither's reciprocal ranks look further."""

    queries: tuple[JudgedQuery, ...]
    judgements: Judgements
    names: tuple[str, str]
    first: Evaluation
    second: Evaluation | None
    comparison: Comparison | None
    pairs: tuple[QueryPair, ...]
    unkept: AltusError | None = None
    of_ten: bool = False


def measure(services: Services, actor: Actor, plan: Plan, context: TaskContext) -> Measured:
    """Read what is to be measured, search, and compare. Blocks; raises what the services raise."""
    queries, judgements = _read(services, actor, plan.material)
    service, second, name = services.evaluation, None, ""
    of_ten = isinstance(plan.second, EarlierRun)
    ways = [plan.first]
    # Before the searches: what cannot be read is told at once.
    match plan.second:
        case Way():
            ways.append(plan.second)
            name = plan.second.name
        case EarlierFile(path):
            second, name = service.measure(queries, judgements, read_run(path)), path.name
        case EarlierRun(run_id, place, name):
            kept = services.query_sets.get_run_(actor, run_id)
            contents = services.query_sets.contents_(actor, kept.set_id)
            graded_alike = replace(contents, judgements=judgements)
            second = service.regrade(kept.evaluations[place], graded_alike)
    runs = []
    for place, way in enumerate(ways):
        told = _share(context.progress, "AB"[place], place, len(ways))
        runs.append(
            service.run_(actor, queries, judgements, way.configuration, told, context.token)
        )
    first, second = runs[0], runs[1] if len(runs) > 1 else second
    names = (plan.first.name, name)
    measured = build_measured(
        services,
        queries,
        judgements,
        names,
        service.look_at_ten(first) if of_ten else first,
        second,
        of_ten=of_ten,
    )
    if isinstance(plan.material, Stored):
        try:
            services.query_sets.keep_run_(actor, plan.material.set_id, runs)
        except AltusError as error:
            return replace(measured, unkept=error)
    return measured


def open_run(
    services: Services, actor: Actor, run_id: str, connections: Sequence[Connection]
) -> Measured:
    """A run that is kept, with the grades that its set has now. Blocks."""
    run = services.query_sets.get_run_(actor, run_id)
    contents = services.query_sets.contents_(actor, run.set_id)
    names = [run_name(evaluation, connections) for evaluation in run.evaluations]
    graded = [services.evaluation.regrade(one, contents) for one in run.evaluations]
    first, second = graded[0], graded[1] if len(graded) > 1 else None
    queries = tuple(result.query for result in first.results)
    pair = (names[0], names[1] if second is not None else "")
    return build_measured(services, queries, contents.judgements, pair, first, second, of_ten=True)


def build_measured(
    services: Services,
    queries: tuple[JudgedQuery, ...],
    judgements: Judgements,
    names: tuple[str, str],
    first: Evaluation,
    second: Evaluation | None,
    *,
    of_ten: bool = False,
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
        of_ten=of_ten,
    )


def _read(
    services: Services, actor: Actor, material: Material
) -> tuple[tuple[JudgedQuery, ...], Judgements]:
    match material:
        case Files(queries, qrels):
            return read_material(queries, qrels)
        case Stored(set_id):
            contents = services.query_sets.contents_(actor, set_id)
            if not contents.queries:
                raise InputError(
                    "set",
                    "There are no queries in “{name}”.",
                    hint="Judge hits in Search, or import queries.",
                    name=material.name,
                )
            return contents.queries, contents.judgements
        case Past(by_count):
            past = number_queries(
                [one.text for one in services.query_sets.list_past_(actor, limit=PAST_QUERIES)]
                if by_count
                else [one.query for one in services.history.recent(actor, "", PAST_QUERIES)]
            )
            if not past:
                raise InputError(
                    "past",
                    "Nothing has been searched yet.",
                    hint="Search something first: each search is noted in the history.",
                )
            return past, {}


def _share(
    progress: Callable[[Progress], None], side: str, place: int, count: int
) -> Callable[[Progress], None]:
    """Progress of one of ``count`` runs as a part of all of them."""

    def tell(step: Progress) -> None:
        done = (place + (step.fraction or 0.0)) / count
        progress(Progress(f"{side} · {step.message}" if count > 1 else step.message, done))

    return tell
