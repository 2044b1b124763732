"""``evaluate``: how good a search is, by queries whose answers are known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli import query_sets
from altus4_desktop.cli.configurations import (
    read_configuration,
    read_connections,
    read_tables,
    read_weights,
)
from altus4_desktop.cli.frame import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NO,
    EXIT_PARTIAL,
    command,
    path_argument,
)
from altus4_desktop.cli.interrupts import stopped_by_interrupt
from altus4_desktop.cli.search import add_scope_options
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.evaluation import (
    Comparison,
    Configuration,
    Evaluation,
    JudgedQuery,
    Judgements,
)
from altus4_desktop.domain.searching import SearchMode

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor

_MODES = [mode.value for mode in SearchMode]
# Of the changed queries as many as a screen holds, best and worst.
_SHOWN = 5


def register(commands: Commands) -> None:
    """Add ``evaluate``."""
    parser = command(
        commands,
        "evaluate",
        help="measure searches by queries whose answers are known",
        description="Run queries and compare what is found with judgements: nDCG@10, P@10, MRR "
        "and the share of queries without a result. Queries: JSON lines (id, text), TREC topics or "
        "id<TAB>text. Judgements: TREC (query 0 document grade), query<TAB>document<TAB>grade or "
        "JSON lines (query_id, document_id, relevance). A row is named connection/table/key, or by "
        "its key alone where one table is searched. Exit code: 0 done, 1 nothing found, 3 when "
        "some query failed or the run could not be kept, 4 when all failed.",
    )
    parser.add_argument("--set", metavar="NAME", help="the queries and judgements of a query set")
    parser.add_argument("--queries", type=path_argument, metavar="F", help="queries")
    parser.add_argument("--qrels", type=path_argument, metavar="F", help="judgements")
    parser.add_argument(
        "--save", action="store_true", help="keep the run with the query set (--set)"
    )
    add_scope_options(parser)
    parser.add_argument(
        "--id-column", default="", metavar="COLUMN", help="name the rows of the table by COLUMN"
    )
    parser.add_argument(
        "--mode", choices=_MODES, default=SearchMode.NATURAL.value, help="default: natural"
    )
    parser.add_argument(
        "--language", default="", metavar="CODE", help="semantic mode: the language of the texts"
    )
    parser.add_argument(
        "--synonyms", action="store_true", help="search with your synonyms; default: without"
    )
    parser.add_argument(
        "--against",
        metavar="WAY",
        help="compare with another way: a mode, or what differs as KIND=VALUE with commas between "
        "(mode, connection, table, index, weight, language, synonyms=yes or no), such as "
        "mode=semantic,weight=shop/orders=2; an empty value takes what the options say away",
    )
    parser.add_argument(
        "--against-run",
        type=path_argument,
        metavar="F",
        help="compare with what a run of before found (--run-out, or TREC's of another program)",
    )
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="hits a query, 10 or more; default: 20"
    )
    parser.add_argument(
        "--run-out",
        type=path_argument,
        metavar="F",
        help="write what --mode found as a TREC run",
    )
    parser.set_defaults(run=run_evaluate)
    query_sets.register(parser)


def run_evaluate(args: argparse.Namespace, context: CliContext) -> int:
    """One configuration, or two and how they compare."""
    from altus4_desktop.services.evaluation_files import (
        read_run,
        write_run,
    )

    if args.against and args.against_run:
        raise InputError("against", "Give either --against or --against-run.")
    if args.save and args.set is None:
        raise InputError("save", "--save keeps the run of a query set: name it with --set.")
    actor, queries, judgements = _asked(args, context)
    if not any(judgements.get(query.id) for query in queries):
        raise InputError(
            "qrels",
            "None of the queries is judged: no id of the queries is in the judgements.",
            hint="Look whether both are of the same collection, and judge what was found.",
        )
    service, progress = context.services.evaluation, context.out.progress
    before = None
    if args.against_run is not None:
        before = service.measure(queries, judgements, read_run(args.against_run))
    if context.services.connections.list_(actor):
        context.unlock_vault()
    first = Configuration(
        mode=SearchMode(args.mode),
        connection_ids=read_connections(args.connections, context, actor),
        tables=read_tables(args.tables, args.indexes),
        limit=args.limit,
        timeout_s=args.timeout,
        id_column=args.id_column,
        weights=read_weights(args.weights, context, actor),
        language=args.language,
        synonyms=actor.choices.synonyms if args.synonyms else (),
    )
    ways = [(args.mode, first)]
    if args.against:
        ways.append((args.against, read_configuration(args.against, first, context, actor)))
        if ways[1][1] == first:
            raise InputError("against", "--against says nothing that the other options do not.")
    with stopped_by_interrupt() as token:
        runs = [
            (name, service.run_(actor, queries, judgements, way, progress, token))
            for name, way in ways
        ]
    if args.run_out is not None:
        count = write_run(args.run_out, runs[0][1])
        context.out.say(f"{count} lines written to {args.run_out}.")
    code = _exit_code([run for _, run in runs])
    if before is not None:
        runs.insert(0, ("before", before))
    evaluations = [run for _, run in runs]
    comparison = service.compare(*evaluations) if len(runs) == 2 else None
    if context.out.json_wanted:
        context.out.json(_document(runs, comparison))
    else:
        _print(runs, comparison, context)
    # After the result, which would be lost with what cannot be kept.
    return _keep(args.set, actor, evaluations, code, context) if args.save else code


def _keep(
    name: str, actor: Actor, evaluations: list[Evaluation], code: int, context: CliContext
) -> int:
    """Keep the run, or say why it is not kept; returns the exit code that follows from ``code``."""
    try:
        kept = context.services.query_sets.keep_run_(actor, name, evaluations)
    except AltusError as error:
        context.out.problem(
            f"The run is measured, but not kept: {error.message}", error.hint, error.code
        )
        return max(code, EXIT_PARTIAL)
    context.out.say(f"The run is kept as {kept.id}.")
    return code


def _asked(
    args: argparse.Namespace, context: CliContext
) -> tuple[Actor, Sequence[JudgedQuery], Judgements]:
    """Who asks, and the queries and judgements of a set or of two files."""
    from altus4_desktop.services.evaluation_files import read_judgements, read_queries

    files = (args.queries, args.qrels)
    if args.set is None:
        if None in files:
            raise InputError(
                "queries",
                "Give --set, or both --queries and --qrels.",
                hint="“evaluate sets list” names the query sets that you keep.",
            )
        queries, judgements = read_queries(args.queries), read_judgements(args.qrels)
        return context.actor(), queries, judgements
    if files != (None, None):
        raise InputError("set", "Give either --set or files of queries and judgements.")
    actor = context.actor()
    contents = context.services.query_sets.contents_(actor, args.set)
    if not contents.queries:
        raise InputError("set", "There are no queries in “{name}”.", name=args.set)
    return actor, contents.queries, contents.judgements


def _exit_code(runs: list[Evaluation]) -> int:
    results = [result for run in runs for result in run.results]
    found = any(result.documents for result in results)
    failed = [result for result in results if result.failure]
    if failed:
        return EXIT_PARTIAL if found or len(failed) < len(results) else EXIT_FAILED
    return EXIT_DONE if found else EXIT_NO


def _document(runs: list[tuple[str, Evaluation]], comparison: Comparison | None) -> dict[str, Any]:
    document: dict[str, Any] = {"runs": [_run_document(name, run) for name, run in runs]}
    if comparison is not None:
        document["comparison"] = {
            "wins": comparison.wins,
            "losses": comparison.losses,
            "ties": comparison.ties,
            "p_value": comparison.p_value,
            "ndcg_at_10_difference": runs[1][1].ndcg - runs[0][1].ndcg,
            "changes": [
                {
                    "query": change.query.id,
                    "text": change.query.text,
                    "before": change.before,
                    "after": change.after,
                }
                for change in comparison.changes
            ],
        }
    return document


def _run_document(name: str, run: Evaluation) -> dict[str, Any]:
    return {
        "name": name,
        "mode": run.configuration.mode.value if run.configuration else None,
        "queries": len(run.results),
        "judged": run.judged,
        "failed": run.failed,
        "ndcg_at_10": run.ndcg,
        "p_at_10": run.precision,
        "mrr": run.reciprocal_rank,
        "zero_result_rate": run.zero_results,
        "per_query": [
            {
                "query": result.query.id,
                "judged": result.judged,
                "hits": len(result.documents),
                "ndcg_at_10": result.ndcg,
                "p_at_10": result.precision,
                "reciprocal_rank": result.reciprocal_rank,
                "error": result.failure or None,
            }
            for result in run.results
        ],
    }


def _print(
    runs: list[tuple[str, Evaluation]], comparison: Comparison | None, context: CliContext
) -> None:
    out = context.out
    out.table(
        ["way", "nDCG@10", "P@10", "MRR", "no result", "judged", "failed"],
        [
            (
                name,
                f"{run.ndcg:.4f}",
                f"{run.precision:.4f}",
                f"{run.reciprocal_rank:.4f}",
                f"{run.zero_results:.1%}",
                f"{run.judged} of {len(run.results)}",
                run.failed,
            )
            for name, run in runs
        ],
    )
    if comparison is not None:
        second, first = runs[1][0], runs[0][0]
        out.line()
        out.line(
            f"{second} against {first}: {comparison.wins} won, {comparison.losses} lost, "
            f"{comparison.ties} tied; sign test p = {comparison.p_value:.3g}"
        )
        best = [change for change in comparison.changes if change.gain > 0][:_SHOWN]
        worst = [change for change in comparison.changes if change.gain < 0][-_SHOWN:]
        if best or worst:
            out.line()
            out.table(
                ["query", first, second, "text"],
                [
                    (
                        change.query.id,
                        f"{change.before:.4f}",
                        f"{change.after:.4f}",
                        change.query.text[:80],
                    )
                    for change in [*best, *worst]
                ],
            )
    failures = {result.failure for _, run in runs for result in run.results if result.failure}
    for failure in sorted(failures)[:_SHOWN]:
        out.problem(failure, "", "evaluate.failed")
