"""``evaluate sets``: query sets that are kept, and files of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command, path_argument
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.errors import InputError, NotFoundError
from altus4_desktop.domain.query_sets import (
    EvaluationRun,
    Imported,
    QuerySet,
    QuerySetDraft,
    SetQueryDraft,
)

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor

_FORMS = ["trec", "jsonl"]
_SHOWN = 50


def register(parser: argparse.ArgumentParser) -> None:
    """Add ``sets`` to ``evaluate``."""
    groups = parser.add_subparsers(metavar="sets", required=False)
    group = command(groups, "sets", help="query sets that you keep")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    command(actions, "list", help="your query sets").set_defaults(run=_list)
    importing = _action(
        actions,
        "import",
        "add queries and judgements of files to a set, which is made when it is not there",
    )
    _add_files(importing, "read")
    importing.set_defaults(run=_import)
    collecting = _action(
        actions,
        "collect",
        "add queries of your history to a set, which is made when it is not there",
    )
    collecting.add_argument(
        "--limit", type=int, default=20, metavar="N", help="the N most frequent; default: 20"
    )
    collecting.add_argument(
        "--no-result", action="store_true", help="only queries that never found anything"
    )
    collecting.set_defaults(run=_collect)
    exporting = _action(actions, "export", "write the queries and judgements of a set to files")
    _add_files(exporting, "write")
    exporting.add_argument(
        "--format", choices=_FORMS, default=_FORMS[0], help="default: trec (topics and qrels)"
    )
    exporting.set_defaults(run=_export)
    runs = _action(actions, "runs", "the runs of a set that “evaluate --save” has kept")
    runs.set_defaults(run=_runs)
    deleting = _action(actions, "delete", "delete a set with its queries, judgements and runs")
    deleting.set_defaults(run=_delete)


def _action(actions: Commands, name: str, help: str) -> argparse.ArgumentParser:  # noqa: A002  # argparse's own word
    parser = command(actions, name, help=help)
    parser.add_argument("name", metavar="NAME", help="name or id of the set")
    return parser


def _add_files(parser: argparse.ArgumentParser, verb: str) -> None:
    parser.add_argument(
        "--queries", required=True, type=path_argument, metavar="F", help=f"{verb} queries: F"
    )
    parser.add_argument("--qrels", type=path_argument, metavar="F", help=f"{verb} judgements: F")


def _list(args: argparse.Namespace, context: CliContext) -> int:
    found = context.services.query_sets.list_(context.actor())
    if args.json:
        context.out.json({"sets": [_document(one) for one in found]})
    else:
        context.out.table(
            ["NAME", "QUERIES", "JUDGED", "JUDGEMENTS", "ID"],
            [(one.draft.name, one.queries, one.judged, one.judgements, one.id) for one in found],
        )
    return EXIT_DONE if found else EXIT_NO


def _import(args: argparse.Namespace, context: CliContext) -> int:
    from altus4_desktop.services.evaluation_files import read_judgements, read_topics

    queries, notes = read_topics(args.queries)
    judgements = read_judgements(args.qrels) if args.qrels is not None else {}
    actor, sets = context.actor(), context.services.query_sets
    own = _get_or_make(args.name, context, actor)
    done = sets.import_(actor, own.id, queries, judgements, notes)
    own = sets.get_(actor, own.id)
    if args.json:
        context.out.json(_document(own) | {"imported": _imported(done)})
    else:
        context.out.say(
            f"“{own.draft.name}”: {done.queries} queries added, {done.known} were there; "
            f"{done.judgements} judgements."
        )
    if done.left_out:
        context.out.say(f"{done.left_out} judgements are of other queries and were left out.")
    return EXIT_DONE


def _collect(args: argparse.Namespace, context: CliContext) -> int:
    if args.limit < 1:
        raise InputError("limit", "At least one query is collected.")
    actor, sets = context.actor(), context.services.query_sets
    found = sets.list_past_(actor, fruitless=args.no_result, limit=args.limit)
    if not found:
        context.out.say("There are no such queries in your history.")
        return EXIT_NO
    own = _get_or_make(args.name, context, actor)
    added = sets.add_queries_(actor, own.id, [SetQueryDraft(one.text) for one in found])
    if args.json:
        context.out.json(_document(sets.get_(actor, own.id)) | {"added": added})
    else:
        context.out.say(f"“{own.draft.name}”: {added} of {len(found)} queries were new to it.")
    return EXIT_DONE


def _export(args: argparse.Namespace, context: CliContext) -> int:
    from altus4_desktop.services.evaluation_files import (
        FileForm,
        write_judgements,
        write_queries,
    )

    form = FileForm(args.format)
    contents = context.services.query_sets.contents_(context.actor(), args.name)
    if not contents.queries:
        context.out.say("There are no queries in it.")
        return EXIT_NO
    written = 0
    if args.qrels is not None:
        written = write_judgements(args.qrels, contents.judgements, form)
    write_queries(args.queries, contents.queries, contents.notes, form)
    if args.json:
        context.out.json({"queries": len(contents.queries), "judgements": written})
    else:
        context.out.say(f"{len(contents.queries)} queries written to {args.queries}.")
        if args.qrels is not None:
            context.out.say(f"{written} judgements written to {args.qrels}.")
    return EXIT_DONE


def _runs(args: argparse.Namespace, context: CliContext) -> int:
    found = context.services.query_sets.list_runs_(context.actor(), args.name, limit=_SHOWN)
    if args.json:
        context.out.json({"runs": [_run_document(run) for run in found]})
    else:
        context.out.table(
            ["KEPT", "MODE", "nDCG@10", "QUERIES", "ID"],
            [
                (
                    instant(run.created_at),
                    " / ".join(
                        one.configuration.mode.value if one.configuration else "before"
                        for one in run.evaluations
                    ),
                    " / ".join(f"{one.ndcg:.4f}" for one in run.evaluations),
                    run.queries,
                    run.id,
                )
                for run in found
            ],
        )
    return EXIT_DONE if found else EXIT_NO


def _delete(args: argparse.Namespace, context: CliContext) -> int:
    actor, sets = context.actor(), context.services.query_sets
    own = sets.get_(actor, args.name)
    context.out.say(
        f"With “{own.draft.name}” go {own.queries} queries, {own.judgements} judgements and the "
        "runs that are kept."
    )
    if not context.confirm(f"Delete “{own.draft.name}”?", args):
        return EXIT_NO
    sets.delete_(actor, [own.id])
    if args.json:
        context.out.json(_document(own))
    else:
        context.out.say(f"“{own.draft.name}” is deleted.")
    return EXIT_DONE


def _get_or_make(name: str, context: CliContext, actor: Actor) -> QuerySet:
    try:
        return context.services.query_sets.get_(actor, name)
    except NotFoundError:
        return context.services.query_sets.create_(actor, QuerySetDraft(name))


def _document(own: QuerySet) -> dict[str, Any]:
    return {
        "id": own.id,
        "name": own.draft.name,
        "description": own.draft.description,
        "queries": own.queries,
        "judged": own.judged,
        "judgements": own.judgements,
        "created_at": instant(own.created_at),
        "updated_at": instant(own.updated_at),
    }


def _imported(done: Imported) -> dict[str, int]:
    return {
        "queries": done.queries,
        "known": done.known,
        "judgements": done.judgements,
        "left_out": done.left_out,
    }


def _run_document(run: EvaluationRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "created_at": instant(run.created_at),
        "queries": run.queries,
        "evaluations": [
            {
                "configuration": one.configuration.as_document() if one.configuration else None,
                "judged": one.judged,
                "failed": one.failed,
                "ndcg_at_10": one.ndcg,
                "p_at_10": one.precision,
                "mrr": one.reciprocal_rank,
                "zero_result_rate": one.zero_results,
            }
            for one in run.evaluations
        ],
    }
