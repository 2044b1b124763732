"""``search``: the window's search on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from altus4_desktop.cli.configurations import (
    read_connections,
    read_tables,
    read_weights,
    with_weights,
)
from altus4_desktop.cli.frame import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NO,
    EXIT_PARTIAL,
    EXIT_USAGE,
    command,
)
from altus4_desktop.cli.interrupts import stopped_by_interrupt
from altus4_desktop.cli.narrowing import add_narrowing_options, read_narrowing
from altus4_desktop.cli.searches import find_saved, find_scope, saved_narrowing
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled, InputError
from altus4_desktop.domain.exports import FORMAT_BY_SUFFIX, ExportFormat, ExportReport
from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.searching import (
    Notice,
    SearchHit,
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceState,
    SourceWeight,
    TableChoice,
)
from altus4_desktop.services.files import check_new

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor
    from altus4_desktop.domain.explaining import Explanation
    from altus4_desktop.domain.facets import FacetReport

# A program that reads the output wants the whole cell, within reason; a person a line of it.
CELL_LIMIT = 1024 * 1024
_READABLE_CELL_LIMIT = 4096


def add_scope_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what is searched, and how long a source may take."""
    parser.add_argument(
        "-c",
        "--connection",
        dest="connections",
        action="append",
        default=[],
        metavar="NAME",
        help="search this connection (may be repeated); default: all your active ones",
    )
    parser.add_argument(
        "--table",
        dest="tables",
        action="append",
        default=[],
        metavar="T",
        help="search this table (may be repeated)",
    )
    parser.add_argument(
        "--index",
        dest="indexes",
        action="append",
        default=[],
        metavar="T/INDEX",
        help="search this table by this FULLTEXT index alone (may be repeated)",
    )
    parser.add_argument(
        "--weight",
        dest="weights",
        action="append",
        default=[],
        metavar="NAME[/T[/COLUMN]]=N",
        help="let a connection, its table or a column of it count N times as much, 0.1 to 10 (may "
        "be repeated; %%2F is a slash within a name)",
    )
    parser.add_argument(
        "--timeout", type=float, metavar="S", help="seconds until a silent source is given up"
    )


def register(commands: Commands) -> None:
    """Add ``search``."""
    parser = command(
        commands,
        "search",
        help="search the saved connections",
        description="Search the FULLTEXT indexes of saved connections, all of yours by default. "
        "Exit code: 0 with hits, 1 without, 3 when some source failed, 4 when all did.",
    )
    parser.add_argument("query", nargs="?", metavar="QUERY", help="what to search for")
    parser.add_argument(
        "--batch",
        metavar="FILE",
        help="search each line of FILE (- is standard input); one JSON document a line",
    )
    parser.add_argument(
        "--saved",
        metavar="NAME",
        help="search for what is saved under this name, in its mode and where it looks",
    )
    add_scope_options(parser)
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in SearchMode],
        help="how the query is read; default: natural",
    )
    parser.add_argument(
        "--language",
        default="",
        metavar="CODE",
        help="semantic mode: take forms of words of this language (en, de, …) for the same; "
        "default: detected",
    )
    parser.add_argument(
        "--no-synonyms", action="store_true", help="search only the words of the query"
    )
    add_narrowing_options(parser)
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="hits; default: 20")
    parser.add_argument(
        "--offset", type=int, default=0, metavar="N", help="leave out the first N hits"
    )
    parser.add_argument(
        "--format",
        choices=["table", "json", "ndjson", "csv"],
        help="default: table; --json is --format json",
    )
    parser.add_argument(
        "--export",
        metavar="FILE",
        help="write the hits to the new FILE (.csv, .xlsx, .parquet, .json, .ndjson, .md, or what "
        "--format says)",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="export every row that is found, from one index after the other, and not the best N",
    )
    parser.add_argument(
        "--no-formula-guard",
        action="store_true",
        help="leave texts in a CSV file as they are, also those a spreadsheet would run",
    )
    parser.add_argument(
        "--explain", action="store_true", help="say which statements ran and why a hit is where"
    )
    parser.set_defaults(run=run_search)


def run_search(args: argparse.Namespace, context: CliContext) -> int:
    """One query, or a batch of them."""
    if sum(given is not None for given in (args.query, args.batch, args.saved)) != 1:
        raise InputError(
            "query",
            "Give either a QUERY, --batch FILE or --saved NAME.",
            hint="See “search --help”.",
        )
    if args.saved is not None and (args.connections or args.tables or args.indexes or args.mode):
        raise InputError(
            "saved", "A saved search has a mode and says where it looks: give neither with --saved."
        )
    form = args.format or ("json" if args.json else "table")
    if args.batch is not None and form in {"table", "csv"} and args.format is not None:
        raise InputError("format", "A batch prints JSON, one document a line.")
    target = _export_target(args)
    actor = context.actor()
    # Whoever never opens the window has no upkeep that does it.
    context.services.history.expire_(actor)
    if context.services.connections.list_(actor):
        context.unlock_vault()
    ids = read_connections(args.connections, context, actor)
    tables = read_tables(args.tables, args.indexes)
    weights = with_weights(actor.choices.weights, read_weights(args.weights, context, actor))
    args.mode = args.mode or SearchMode.NATURAL.value
    narrowing = Narrowing()
    if args.saved is not None:
        saved = find_saved(context, actor, args.saved)
        args.query, args.mode = saved.draft.query, saved.draft.mode.value
        args.language = args.language or saved.draft.language
        scope = find_scope(context, actor, saved)
        ids = scope.connection_ids
        narrowing = saved_narrowing(context, actor, saved)
        tables = tuple(
            TableChoice(table, connection_id)
            for connection_id, chosen in scope.tables.items()
            for table in chosen
        )
    from altus4_desktop.cli import search_output

    narrowing = read_narrowing(args.filters, args.sort, args.threshold, narrowing)
    if args.all and narrowing.order is not None:
        raise InputError(
            "sort",
            "--all writes the rows of one index after the other, unsorted.",
            hint="Give --sort relevance, or leave --all out." if args.saved is not None else "",
        )
    cell_limit = _READABLE_CELL_LIMIT if form == "table" and args.batch is None else CELL_LIMIT
    asked = _Asked(args, context, actor, ids, tables, weights, narrowing, cell_limit=cell_limit)
    if args.batch is not None:
        return _run_batch(args.batch, asked)
    with stopped_by_interrupt() as token:
        if target is not None and args.all:
            report = _export(asked.request(args.query), actor, target, args, context, token)
            return EXIT_DONE if report.rows else EXIT_NO
        outcome = asked.search(args.query, token)
        statements = asked.statements(outcome) if args.explain else {}
        explained = asked.explanations(outcome, token) if args.explain else None
        if target is not None and not token.cancelled:
            for failure in search_output.failures(outcome):
                context.out.problem(*failure)
            for line in search_output.remarks(outcome):
                context.out.say(line)
            _export(outcome.hits, actor, target, args, context, token)
            return exit_code(outcome)
        facets = asked.facets(outcome, token) if args.facets else None
    _print(form, outcome, context, statements, explained, facets)
    if token.cancelled:
        raise KeyboardInterrupt
    return exit_code(outcome)


def _export_target(args: argparse.Namespace) -> tuple[Path, ExportFormat] | None:
    """Where to write the hits, and as what; raises InputError."""
    if args.export is None:
        if args.no_formula_guard:
            raise InputError("no_formula_guard", "Only an --export to CSV has a formula guard.")
        if args.all:
            raise InputError("all", "--all is for an --export to a file.")
        return None
    if args.batch is not None or args.explain or args.facets:
        raise InputError(
            "export", "--export takes one QUERY, without --batch, --explain and --facets."
        )
    if args.all and args.offset:
        raise InputError("offset", "--all leaves nothing out.")
    path = Path(args.export)
    # Before anything is searched.
    check_new(path)
    if args.format == "table":
        raise InputError("format", "A table is for reading: leave --format out, or give another.")
    if args.format is not None:
        return path, ExportFormat(args.format)
    found = FORMAT_BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        raise InputError(
            "export",
            "The name “{name}” does not say which format is wanted.",
            hint="End it in .csv, .xlsx, .parquet, .json, .ndjson or .md, or give --format.",
            name=path.name,
        )
    return path, found


def _export(
    found: SearchRequest | Sequence[SearchHit],
    actor: Actor,
    target: tuple[Path, ExportFormat],
    args: argparse.Namespace,
    context: CliContext,
    token: CancelToken,
) -> ExportReport:
    """Write the hits, or all that a request finds, and say so; without hits there is no file."""
    out, exports = context.out, context.services.exports
    path, export_format = target
    written: Path | None = path
    report = ExportReport(0, 0)
    guard = not args.no_formula_guard
    try:
        if isinstance(found, SearchRequest):
            report = exports.export_all_(
                actor, path, export_format, found, guard=guard, progress=out.progress, token=token
            )
        elif found:
            report = exports.export_hits_(
                actor, path, export_format, found, guard=guard, progress=out.progress, token=token
            )
        else:
            written = None
    except Cancelled:
        raise KeyboardInterrupt from None
    if args.json:
        file = str(written) if written else None
        notices = [remark.text for remark in report.remarks]
        size = report.size_bytes
        out.json({"file": file, "rows": report.rows, "bytes": size, "notices": notices})
    elif written:
        count = f"{report.rows:,} row{'' if report.rows == 1 else 's'}"
        out.say(f"Exported {count}, {report.size_bytes:,} bytes.")
        for remark in report.remarks:
            out.say(remark.text)
    else:
        out.say("No file was written.")
    return report


class _Asked:
    """What the options say, for one query or many."""

    def __init__(
        self,
        args: argparse.Namespace,
        context: CliContext,
        actor: Actor,
        connection_ids: tuple[str, ...],
        tables: tuple[TableChoice, ...],
        weights: tuple[SourceWeight, ...],
        narrowing: Narrowing,
        *,
        cell_limit: int,
    ) -> None:
        self.context = context
        self._args = args
        self._actor = actor
        self._connection_ids = connection_ids
        self._tables = tables
        self._weights = weights
        self._cell_limit = cell_limit
        self._narrowing = narrowing
        # Who acts by an API key has used it once when they were let in: for the first query.
        self._paid = True

    def request(self, query: str) -> SearchRequest:
        """The options as a request."""
        args = self._args
        return SearchRequest(
            query=query,
            mode=SearchMode(args.mode),
            connection_ids=self._connection_ids,
            tables=self._tables,
            limit=args.limit,
            offset=args.offset,
            timeout_s=args.timeout,
            cell_limit=self._cell_limit,
            language=args.language,
            languages=self._actor.choices.languages,
            synonyms=() if args.no_synonyms else self._actor.choices.synonyms,
            weights=self._weights,
            narrowing=self._narrowing,
        )

    def search(self, query: str, token: CancelToken) -> SearchOutcome:
        """What the request finds."""
        services = self.context.services
        outcome = services.search.run(self._actor, self.request(query), None, token)
        if outcome.hits or self._args.offset or token.cancelled:
            return outcome
        correction = services.suggestions.correct(self._actor, outcome, token)
        if correction is None:
            return outcome
        notice = Notice("search.did_you_mean", f"Did you mean “{correction.query}”?")
        return replace(outcome, notices=(*outcome.notices, notice))

    def statements(self, outcome: SearchOutcome) -> dict[tuple[str, str, str], str]:
        found = self.context.services.search.statements(self._actor, outcome)
        return {(ref.connection, ref.table, ref.index): text for ref, text in found.items()}

    def explanations(
        self, outcome: SearchOutcome, token: CancelToken
    ) -> list[Explanation | AltusError]:
        """Why each hit is where it is, or why that cannot be said."""
        explained: list[Explanation | AltusError] = []
        for hit in outcome.hits:
            try:
                service = self.context.services.search
                explained.append(service.explain(self._actor, outcome.request, hit, token))
            except AltusError as error:
                explained.append(error)
        return explained

    def facets(self, outcome: SearchOutcome, token: CancelToken) -> FacetReport | None:
        """What the rows found have in common; None when the search was stopped."""
        try:
            return self.context.services.search.count_facets(self._actor, outcome.request, token)
        except Cancelled:
            return None

    def document(self, query: str, token: CancelToken) -> tuple[dict[str, Any], int]:
        """The JSON document of ``query`` and its exit code; a failure is a document too."""
        from altus4_desktop.cli.facets_output import facets_document
        from altus4_desktop.cli.search_output import failure_document, outcome_document

        try:
            if not self._paid:
                self.context.services.keys.spend_(self._actor)
            self._paid = False
            outcome = self.search(query, token)
            explain = self._args.explain
            statements = self.statements(outcome) if explain else None
            explained = self.explanations(outcome, token) if explain else None
            facets = self.facets(outcome, token) if self._args.facets else None
        except AltusError as error:
            code = EXIT_USAGE if isinstance(error, InputError) else EXIT_FAILED
            return failure_document(query, self._args.mode, error), code
        document = outcome_document(outcome, statements, explained)
        return document | facets_document(facets), exit_code(outcome)


def exit_code(outcome: SearchOutcome) -> int:
    """0 hits, 1 none, 3 some source failed, 4 all failed."""
    states = {report.state for report in outcome.sources}
    if states == {SourceState.OK}:
        return EXIT_DONE if outcome.hits else EXIT_NO
    return EXIT_PARTIAL if SourceState.OK in states else EXIT_FAILED


def _run_batch(path: str, asked: _Asked) -> int:
    codes = set()
    with stopped_by_interrupt() as token, _open_lines(path) as lines:
        for line in lines:
            document, code = asked.document(line.rstrip("\r\n"), token)
            if token.cancelled:
                raise KeyboardInterrupt
            asked.context.out.json(document, indent=None)
            codes.add(code)
    if not codes:
        return EXIT_NO
    failed = codes & {EXIT_USAGE, EXIT_FAILED}
    if codes == failed:
        return EXIT_FAILED
    if failed or EXIT_PARTIAL in codes:
        return EXIT_PARTIAL
    return EXIT_DONE if EXIT_DONE in codes else EXIT_NO


@contextmanager
def _open_lines(path: str) -> Iterator[TextIO]:
    if path == "-":
        yield sys.stdin
        return
    try:
        file = open(path, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115  # one name for all of it
    except OSError as error:
        raise InputError(
            "batch", "{path} cannot be read: {reason}.", path=path, reason=error.strerror or ""
        ) from error
    with file:
        yield file


def _print(
    form: str,
    outcome: SearchOutcome,
    context: CliContext,
    statements: dict[tuple[str, str, str], str],
    explained: list[Explanation | AltusError] | None,
    facets: FacetReport | None,
) -> None:
    from altus4_desktop.cli import facets_output, search_output

    out = context.out
    if form == "json":
        shown = statements if explained is not None else None
        document = search_output.outcome_document(outcome, shown, explained)
        out.json(document | facets_output.facets_document(facets))
        return
    if form == "ndjson":
        for place, hit in enumerate(outcome.hits):
            why = explained[place] if explained is not None else None
            out.json(search_output.hit_document(hit, why), indent=None)
    elif form == "csv":
        for line in search_output.csv_lines(outcome.hits):
            out.line(line)
    else:
        colour = out.is_terminal
        for line in search_output.readable_lines(outcome, colour=colour, explained=explained):
            out.line(line)
    for line in facets_output.facet_lines(facets):
        (out.line if form == "table" else out.say)(line)
    for failure in search_output.failures(outcome):
        out.problem(*failure)
    for line in search_output.remarks(outcome):
        out.say(line)
    for (connection, table, index), statement in statements.items():
        out.say(f"{connection}/{table}/{index}:\n  {statement}")
