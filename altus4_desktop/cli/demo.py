"""``demo``: everything there is to see, from nothing, in one command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.server import given_passphrase
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.searching import SearchMode, SearchOutcome, SearchRequest

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.local_server import SampleTable

_SEARCHES = (
    ("regular expression", SearchMode.NATURAL),
    ("+socket +timeout", SearchMode.BOOLEAN),
    ("lighthouse keeper", SearchMode.NATURAL),
)
_SHOWN = 5
_SNIPPET = 64


def register(commands: Commands) -> None:
    """Add ``demo``."""
    parser = command(
        commands,
        "demo",
        help="a local MySQL with real sample text, a demo account, then the window signed in",
    )
    parser.add_argument(
        "--no-window",
        action="store_true",
        help="make everything, search a few times and show the hits in the terminal",
    )
    parser.add_argument(
        "--reset", action="store_true", help="throw the sample data away and make it anew"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, context: CliContext) -> int:
    if args.reset and not context.confirm(
        "Remove the demo's sample data and make it anew? Nothing else is touched.", args
    ):
        return EXIT_NO
    from altus4_desktop.app.window import has_display, run_window

    if not args.no_window and has_display():
        if args.reset:
            context.services.local_server.reset()
        return run_window(context.data_dir, context.metadata_url, open_demo=True)
    demo = context.services.demo
    act = demo.reset_ if args.reset else demo.open_
    actor = act(context.out.progress, passphrase=lambda: given_passphrase(context))
    stays = context.services.vault.status().kind != "session"
    if stays and context.services.accounts.needs_setup():
        # The terminal's counterpart of a window that is signed in.
        context.services.accounts.remember(actor)
    tables = demo.list_tables()
    outcomes = [
        context.services.search.run(
            actor, SearchRequest(query, mode, limit=_SHOWN), None, CancelToken()
        )
        for query, mode in _SEARCHES
    ]
    if args.json:
        context.out.json(_document(context, tables, outcomes))
    else:
        _print_tables(context, tables)
        for outcome in outcomes:
            _print_outcome(context, outcome)
        _print_way_on(context, asked=args.no_window, stays=stays)
    return EXIT_DONE if any(outcome.hits for outcome in outcomes) else EXIT_NO


def _print_tables(context: CliContext, tables: tuple[SampleTable, ...]) -> None:
    state = context.services.local_server.state()
    name = state.flavour.label if state.flavour else "MySQL"
    context.out.line()
    context.out.line(
        f"{sum(table.rows for table in tables):,} rows of real text on {name} {state.version}, "
        f"127.0.0.1 port {state.port}:"
    )
    context.out.line()
    context.out.table(
        ("Database", "Table", "Rows"),
        [(table.database, table.table, f"{table.rows:,}") for table in tables],
    )


def _print_outcome(context: CliContext, outcome: SearchOutcome) -> None:
    request = outcome.request
    context.out.line()
    context.out.line(
        f"Search “{request.query}” ({request.mode}): {len(outcome.sources)} indexes, "
        f"{outcome.total_ms:.0f} ms"
    )
    context.out.line()
    if not outcome.hits:
        context.out.line("Nothing found.")
        return
    context.out.table(
        ("#", "Title", "Found in", "Text"),
        [
            (
                rank,
                str(hit.columns.get(hit.title_column) or next(iter(hit.key.values()), ""))[:44],
                f"{hit.source.connection}, {hit.source.table}",
                " ".join(hit.snippet.split())[:_SNIPPET],
            )
            for rank, hit in enumerate(outcome.hits[:_SHOWN], start=1)
        ],
    )


def _print_way_on(context: CliContext, *, asked: bool, stays: bool) -> None:
    lines = [] if asked else ["There is no display here, so the window stays closed."]
    lines += [
        "The window with the same demo: “altus4-desktop demo” on a desktop,",
        "or “xvfb-run altus4-desktop demo” without one.",
    ]
    if stays:
        lines.append("More in the terminal: altus4-desktop search 'your words'")
    else:
        lines += [
            "No keyring works here, so this demo's passwords are forgotten now; with a passphrase",
            "of yours in ALTUS4_PASSPHRASE, “altus4-desktop search 'your words'” works as well.",
        ]
    context.out.line()
    for line in lines:
        context.out.line(line)


def _document(
    context: CliContext, tables: tuple[SampleTable, ...], outcomes: list[SearchOutcome]
) -> dict[str, Any]:
    state = context.services.local_server.state()
    return {
        "server": {"flavour": state.flavour, "version": state.version, "port": state.port},
        "rows": sum(table.rows for table in tables),
        "tables": [
            {"database": table.database, "table": table.table, "rows": table.rows}
            for table in tables
        ],
        "searches": [
            {
                "query": outcome.request.query,
                "mode": outcome.request.mode,
                "total_ms": round(outcome.total_ms, 1),
                "hits": [
                    {
                        "connection": hit.source.connection,
                        "table": hit.source.table,
                        "title": hit.columns.get(hit.title_column),
                        "score": hit.score,
                    }
                    for hit in outcome.hits
                ],
            }
            for outcome in outcomes
        ],
    }
