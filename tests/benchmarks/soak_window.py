"""The window for as long as wanted, with random actions and random faults.

    python -m tests.benchmarks.soak_window [MINUTES] [--store mariadb] [--seed N]

The real window, offscreen, over real services and a server of each flavour behind proxies that fail
at random; the store is a file, or a database of a third server behind a proxy of its own. Servers
are stopped and killed, and the store's file is held by another program. A monkey searches, stops,
opens and closes tabs, goes through all panes, presses what can be pressed (but for what deletes
things or asks for files), makes, verifies, cancels and restores backups, answers dialogs, changes
theme and size, locks and unlocks, signs out and in. The bars: no crash report, no message of Qt, no
page or dialog without a way on, no thread, socket or file more at the end than after the first
fifth, at most 50 MB more, both in the session that has been worked in and in a new one, and no gap
of the event loop over 50 ms of the program's own time (200 ms while the window changes its
colours).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import faulthandler
import gc
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtWidgets import QApplication

from altus4_desktop.app.window import give_large_blocks_back, put_the_window_first
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.theme import Theme, ThemeChoice
from altus4_desktop.ui.window import MainWindow
from tests.benchmarks.bench_event_loop import turn_until
from tests.benchmarks.soak_monkey import PANES, Monkey
from tests.benchmarks.soak_trouble import SQLITE, STORE_OPTIONS, Trouble, prepare
from tests.benchmarks.soak_watch import GapWatch, Rest, Soak, nothing_unseen
from tests.event_loop import BAR_MS
from tests.servers import DatabaseServer, ServerFactory, running_server

MINUTES = 60.0
BAR_MB = 50.0
THEME_BAR_MS = 200.0
FIFTHS = 5
REST_S = 12.0
SIZE = 1280, 800
_MOST_LINES = 25


def main() -> int:
    """Let the monkey loose, look, and say; 1 when over a bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float, nargs="?", default=MINUTES)
    parser.add_argument("--store", choices=[SQLITE, *Flavour], default=SQLITE)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"{options.minutes:g} minutes, store {options.store}, seed {options.seed}", flush=True)
    faulthandler.enable()
    give_large_blocks_back()
    soak = Soak()
    with contextlib.ExitStack() as stack:
        factory = stack.enter_context(contextlib.closing(ServerFactory()))
        tenants = tuple(
            stack.enter_context(running_server(factory, flavour)) for flavour in Flavour
        )
        store: DatabaseServer | None = None
        if options.store != SQLITE:
            running = running_server(factory, Flavour(options.store), STORE_OPTIONS)
            store = stack.enter_context(running)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="altus4-soak-")))
        stack.enter_context(nothing_unseen(soak))
        application = QApplication(sys.argv[:1])
        soak_window(application, tenants, store, folder, options.minutes, options.seed, soak)
        return _say(soak)


def soak_window(
    application: QApplication,
    tenants: tuple[DatabaseServer, ...],
    store: DatabaseServer | None,
    folder: Path,
    minutes: float,
    seed: int,
    soak: Soak,
) -> None:
    """``minutes`` of the window over ``tenants`` and a store on ``store`` or in a file."""
    dice = random.Random(seed)
    trouble = Trouble(tenants, store, dice, soak.troubles)
    services = prepare(folder, tenants, store, trouble)
    # What is loaded once and kept for good is no growth: 43 MB.
    services.search.prepare(SearchMode.SEMANTIC)
    collector = put_the_window_first(application)
    runner, theme = TaskRunner(), Theme()
    theme.install(application)

    def report_crash(error: BaseException) -> None:
        soak.wrong.append(f"crash report, after {soak.action}: {error!r}")

    window = MainWindow(lambda: services, runner, theme, folder, report_crash=report_crash)
    runner.crashed.connect(report_crash)
    window.settled.connect(collector.spare_what_is_loaded)
    window.resize(*SIZE)
    window.open_()
    watch = GapWatch(soak)
    monkey = Monkey(window, theme, dice, soak, watch)
    for share in range(1, FIFTHS + 1):
        trouble.begin()
        watch.reset()
        monkey.start()
        _turn_for(minutes * 60 / FIFTHS)
        monkey.stop()
        trouble.end()
        soak.action = "rest"
        soak.rests.append(_rest(window, theme, runner, monkey, soak))
        gaps = sum(len(found) for action, found in soak.gaps.items() if action != "rest")
        print(
            f"{share} of {FIFTHS}: {soak.done.total():,} actions, {soak.rests[-1]}, "
            f"{gaps} gaps over {BAR_MS:.0f} ms, {len(soak.wrong)} wrong",
            flush=True,
        )
        _tell(soak, trouble)
    watch.close()
    window.close()
    services.close()
    trouble.close()


def _tell(soak: Soak, trouble: Trouble) -> None:
    """What there has been up to now: a soak that is ended early has something to show too."""
    print(f"  actions: {_listed(soak.done)}")
    for whose, found in trouble.faults().items():
        print(f"  faults of lines to the {whose}: {found.total():,} ({_listed(found) or 'none'})")
    print(f"  troubles: {soak.troubles.total()} ({_listed(soak.troubles)})")
    gaps = {action: found for action, found in soak.gaps.items() if action != "rest"}
    print(f"  gaps over {BAR_MS:.0f} ms of own time: {sum(map(len, gaps.values()))}")
    for action, lengths in sorted(gaps.items(), key=lambda one: -max(one[1])[0])[:_MOST_LINES]:
        own_ms, worked_ms = max(lengths)
        print(
            f"    {len(lengths):4} after {action}, at most {own_ms:.0f} ms"
            f" ({worked_ms:.0f} ms of the processor)"
        )
    for place, count in soak.away.most_common(_MOST_LINES):
        print(f"    {count:4} in {place}")
    for one in soak.wrong[:_MOST_LINES]:
        print(f"  wrong: {one}")
    sys.stdout.flush()


def _say(soak: Soak) -> int:
    soak.gaps.pop("rest", None)
    worst = soak.longest
    print(f"longest: {worst.gap_ms:.0f} ms, of which {worst.own_ms:.0f} ms own")
    print("wrong" if soak.wrong else "no crash report, no message of Qt")
    first, last = soak.rests[0], soak.rests[-1]
    worked_mb = last.worked_mb - first.worked_mb
    grown_mb = last.memory_mb - first.memory_mb
    print(
        f"since the first fifth: memory {worked_mb:+.1f} MB, in a new session {grown_mb:+.1f} MB"
        f" (bar {BAR_MB:+.0f} of both)"
    )
    left = last.threads > first.threads or last.files > first.files
    long = any(
        max(found)[0] > (THEME_BAR_MS if action == "theme" else BAR_MS)
        for action, found in soak.gaps.items()
    )
    for name, over in (
        ("something wrong", bool(soak.wrong)),
        ("memory", max(worked_mb, grown_mb) > BAR_MB),
        ("threads, files or sockets", left),
        ("gaps", long),
    ):
        if over:
            print(f"OVER THE BAR: {name}")
    return int(bool(soak.wrong) or max(worked_mb, grown_mb) > BAR_MB or left or long)


def _rest(window: MainWindow, theme: Theme, runner: TaskRunner, monkey: Monkey, soak: Soak) -> Rest:
    """Have all come to rest and count, in the session that there is and then in a new one.

    What is open in the first depends on the dice; the second tells what is never given back.
    """
    theme.set_choice(ThemeChoice.LIGHT)
    window.resize(*SIZE)
    _show_all(window, runner, monkey, soak)
    in_session_mb = _memory_mb()
    window.sign_out()
    _show_all(window, runner, monkey, soak)
    own = psutil.Process()
    if soak.rests:
        # A pool closes what is idle in its own time.
        _turn_while(lambda: own.num_fds() > soak.rests[0].files, 60)
    return Rest(
        in_session_mb,
        _memory_mb(),
        own.num_threads() - _waiting_for_work(),
        own.num_fds(),
        len(QApplication.allWidgets()),
    )


def _show_all(window: MainWindow, runner: TaskRunner, monkey: Monkey, soak: Soak) -> None:
    """Show every pane once, with one search, and wait until that is done."""
    _turn_while(lambda: not monkey.let_in(), 120)
    workspace = window.workspace
    if workspace is None:
        soak.wrong.append("nobody was let in to count")
        return
    search = workspace.show_pane("search")
    assert isinstance(search, SearchPane)
    while search._has_several():
        search.close_current()
    for pane in PANES:
        workspace.show_pane(pane)
        _turn_for(0.3)
    workspace.show_pane("users")
    _turn_while(lambda: bool(runner.running), 60)
    _turn_for(REST_S)


def _memory_mb() -> float:
    gc.collect()
    # What the C library keeps for later is no leak of ours.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return float(psutil.Process().memory_info().rss / 1e6)


def _waiting_for_work() -> int:
    """The threads of the lanes: started when they are needed, up to a limit, and kept."""
    return sum(thread.name.startswith("altus-") for thread in threading.enumerate())


def _turn_while(going: Callable[[], bool], most_s: float) -> None:
    with contextlib.suppress(AssertionError):
        turn_until(lambda: not going(), most_s, "it")


def _turn_for(seconds: float) -> None:
    until = time.monotonic() + seconds
    turn_until(lambda: time.monotonic() >= until, seconds + 60, "the time to pass")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
