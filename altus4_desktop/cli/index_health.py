"""``connections health`` and ``connections advise``: FULLTEXT indexes, and better ones."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, Commands, command, path_argument
from altus4_desktop.cli.output import instant, plain
from altus4_desktop.domain.index_health import (
    AdviceStep,
    Finding,
    HealthReport,
    ServerAdvice,
    Severity,
)

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext


def register(actions: Commands) -> None:
    """Add ``health`` and ``advise``."""
    health = command(
        actions,
        "health",
        help="how the FULLTEXT indexes of a connection are",
        description="Say how the FULLTEXT indexes of a connection are; exit code 1 when there is a "
        "warning. Only reads; what the account may not see is said.",
    )
    health.add_argument("connection", metavar="NAME", help="name or id of a saved connection")
    health.set_defaults(run=_health)
    advise = command(
        actions,
        "advise",
        help="statements for better FULLTEXT indexes and server settings",
        description="Print statements that would make more findable, from the schema and from the "
        "searches of the last 30 days; exit code 1 when there are none. They are never run.",
    )
    advise.add_argument("connection", metavar="NAME", help="name or id of a saved connection")
    advise.add_argument(
        "--out",
        type=path_argument,
        metavar="FOLDER",
        help="save the index statements there as NNN_fulltext_indexes.up.sql and .down.sql",
    )
    advise.set_defaults(run=_advise)


def _health(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    context.unlock_vault()
    saved = context.services.connections.get_(actor, args.connection)
    report = context.services.index_health.check_(actor, saved.id)
    bad = any(finding.severity is Severity.WARNING for finding in report.findings)
    if context.out.json_wanted:
        context.out.json(_health_document(report))
    else:
        _print_health(context, report)
    return EXIT_NO if bad else EXIT_DONE


def _print_health(context: CliContext, report: HealthReport) -> None:
    facts = report.facts
    out = context.out
    out.line(plain(f"{facts.database} on {facts.flavour.label} {facts.version}"))
    out.line()
    out.table(
        ("TABLE", "ENGINE", "ROWS (ESTIMATED)", "INDEX", "COLUMNS", "PARSER", "BYTES"),
        [
            (
                table.name,
                table.engine,
                table.rows,
                index.name,
                ", ".join(index.columns),
                index.parser or "built-in",
                "unseen" if index.size_bytes is None else index.size_bytes,
            )
            for table in facts.tables
            for index in table.indexes
        ],
    )
    if report.findings:
        out.line()
    for finding in report.findings:
        out.line(plain(f"{finding.severity.value.upper()} {finding.message.text} [{finding.code}]"))
        if finding.hint:
            out.line(plain(f"  {finding.hint}"))


def _advise(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    context.unlock_vault()
    services = context.services
    saved = services.connections.get_(actor, args.connection)
    advice = services.index_health.advise_(actor, saved.id)
    files: list[str] = []
    if args.out is not None and advice.steps:
        files = [str(path) for path in services.index_health.save_(advice.steps, args.out)]
    if context.out.json_wanted:
        context.out.json(
            {
                "database": advice.health.facts.database,
                "searches_read": advice.searches_read,
                "days": advice.days,
                "steps": [_step_document(step) for step in advice.steps],
                "server": [_server_document(item) for item in advice.server],
                "files": files,
            }
        )
    else:
        _print_steps(context, advice.steps)
        _print_server(context, advice.server)
    if args.out is not None and not files:
        context.out.say("There is no index statement to save.")
    for file in files:
        context.out.say(f"Saved as “{file}”; nothing was run.")
    return EXIT_DONE if advice.steps or advice.server else EXIT_NO


def _print_steps(context: CliContext, steps: tuple[AdviceStep, ...]) -> None:
    for step in steps:
        for remark in (*step.why, step.cost, step.lock):
            context.out.line(f"-- {plain(remark.text)}")
        context.out.line(plain(step.statement))
        context.out.line(f"-- undo: {plain(step.undo)}")
        context.out.line()


def _print_server(context: CliContext, advice: tuple[ServerAdvice, ...]) -> None:
    for item in advice:
        context.out.line(f"-- {item.variable}: {item.current} now, {item.advised} advised")
        for remark in (item.why, *item.consequences):
            context.out.line(f"-- {plain(remark.text)}")
        if item.statement:
            context.out.line(item.statement)
        for line in item.config_lines:
            context.out.line(f"-- my.cnf: {line}")
        for statement in item.rebuild:
            context.out.line(f"-- then: {plain(statement)}")
        context.out.line()


def _health_document(report: HealthReport) -> dict[str, Any]:
    facts = report.facts
    return {
        "database": facts.database,
        "flavour": facts.flavour.value,
        "version": facts.version,
        "read_at": instant(facts.read_at),
        "tables": [
            {
                "name": table.name,
                "engine": table.engine,
                "estimated_rows": table.rows,
                "data_bytes": table.data_bytes,
                "free_bytes": table.free_bytes,
                "partitioned": table.partitioned,
                "fts_doc_id": table.doc_id.value,
                "sampled_rows": table.sampled_rows,
                "cjk_columns": list(table.cjk_columns),
                "deleted_rows": table.deleted_rows,
                "pending_words": table.pending_words,
                "collations": sorted({column.collation for column in table.columns}),
                "fulltext_indexes": [
                    {
                        "name": index.name,
                        "columns": list(index.columns),
                        "parser": index.parser or None,
                        "bytes": index.size_bytes,
                    }
                    for index in table.indexes
                ],
            }
            for table in facts.tables
        ],
        "settings": dict(facts.variables),
        "findings": [_finding_document(finding) for finding in report.findings],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "table": finding.table or None,
        "index": finding.index or None,
        "message": finding.message.text,
        "hint": finding.hint or None,
        "evidence": dict(finding.evidence),
    }


def _step_document(step: AdviceStep) -> dict[str, Any]:
    return {
        "action": step.action,
        "table": step.table,
        "index": step.index,
        "columns": list(step.columns),
        "sql": step.statement,
        "undo": step.undo,
        "why": [remark.text for remark in step.why],
        "cost": step.cost.text,
        "lock": step.lock.text,
        "rebuilds": step.rebuilds,
        "estimated_rows": step.rows,
        "data_bytes": step.data_bytes,
    }


def _server_document(item: ServerAdvice) -> dict[str, Any]:
    return {
        "variable": item.variable,
        "current": item.current,
        "advised": item.advised,
        "dynamic": item.dynamic,
        "sql": item.statement or None,
        "config": list(item.config_lines),
        "why": item.why.text,
        "consequences": [remark.text for remark in item.consequences],
        "tables": list(item.tables),
        "rebuild": list(item.rebuild),
        "searches": item.searches,
    }
