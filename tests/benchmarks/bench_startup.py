"""Start to interactive, against a bare PySide6 window with one label started in turn.

    python -m tests.benchmarks.bench_startup [--runs 9]

Each run is a new process; the data folder holds an embedded store with an admin. The sign-in page
takes typing (interactive) while the store is opened behind it (settled). Bar: interactive
after at most 5 times the bare window.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BAR = 5.0


def prepare(data_dir: Path, environment: dict[str, str]) -> None:
    """Make the embedded store and its admin."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "altus4_desktop",
            "users",
            "create",
            "--quiet",
            "--email",
            "admin@example.org",
            "--name",
            "Admin",
            "--password-stdin",
        ],
        input="a long enough password\n",
        text=True,
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    assert (data_dir / "metadata.sqlite3").exists()


def measure(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    """One start; returns the figures the process printed last on standard error."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stderr.strip().splitlines()[-1])
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="altus4-bench-") as folder:
        environment = {
            **os.environ,
            "ALTUS4_DATA_DIR": folder,
            "ALTUS4_PASSPHRASE": "a passphrase for now",
        }
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        prepare(Path(folder), environment)
        program = ["-m", "altus4_desktop", "--exit-when-ready"]
        bare = ["-m", "tests.benchmarks.bare_window"]
        for arguments in (program, bare):
            measure(arguments, environment)
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(measure(program, environment))
            theirs.append(measure(bare, environment)["interactive_ms"])
    interactive = statistics.median(run["interactive_ms"] for run in ours)
    painted = statistics.median(run["painted_ms"] for run in ours)
    settled = statistics.median(run["settled_ms"] for run in ours)
    base = statistics.median(theirs)
    ratio = interactive / base
    sys.stdout.write(
        f"start-up, median of {runs}: bare window {base:.0f} ms; first paint {painted:.0f} ms "
        f"({painted / base:.1f}x); interactive {interactive:.0f} ms ({ratio:.1f}x, bar {BAR:.0f}x) "
        f"{'ok' if ratio <= BAR else 'TOO SLOW'}; "
        f"store open {settled:.0f} ms ({settled / base:.1f}x)\n"
    )
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
