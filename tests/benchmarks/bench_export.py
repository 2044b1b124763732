"""A whole result set into a file, beside the server's own client writing the same rows.

    python -m tests.benchmarks.bench_export [ROWS]

Prints one line a server and format; the bar is 2 times ``--batch --quick``, with memory that does
not grow with the rows. The statement is the same, and both write to a file.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from altus4_desktop.domain.connections import Connection, Flavour, PoolSettings
from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.services.exports.service import ExportsService
from altus4_desktop.services.permissions import Permissions
from tests.search_world import SearchWorld, search_world
from tests.servers import (
    ROOT_PASSWORD,
    DatabaseServer,
    ServerFactory,
    find_programs,
    running_server,
)

BAR = 2.0
ROWS = 1_000_000
ROUNDS = 3
GROWTH_MB = 64
FEW = "scarce"
FEW_ROWS = 20_000
_DIGITS = ",".join(f"({n})" for n in range(10))


def main() -> int:
    """Measure both servers; 1 when one is over the bar."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    over = False
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with (
                tempfile.TemporaryDirectory() as folder,
                running_server(factory, flavour) as server,
                search_world(Path(folder) / "data") as world,
            ):
                pool = PoolSettings(query_timeout_s=300.0)
                connection = world.add_database(server, "bench", [], pool=pool)
                fill(server, connection.database, count)
                over = measure(world, server, connection, Path(folder), count) or over
    return int(over)


def fill(server: DatabaseServer, database: str, count: int) -> None:
    """``count`` rows of about 150 bytes, all with the word that is searched for."""
    server.execute(
        "CREATE TABLE digits (n INT PRIMARY KEY)",
        f"INSERT INTO digits VALUES {_DIGITS}",
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(100), body VARCHAR(300),"
        " price DECIMAL(10,2), made DATETIME)",
        database=database,
    )
    tables = ", ".join(f"digits {name}" for name in "abcde")
    number = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n"
    for first in range(0, count, 100_000):
        server.execute(
            f"INSERT INTO notes SELECT {first} + {number}, CONCAT('Note ', {number}),"
            f" CONCAT(IF({first} + {number} < {FEW_ROWS}, '{FEW} lorem ', 'lorem '),"
            f" REPEAT('and more of it, ', 5 + a.n % 3)), a.n * 1.25,"
            f" '2026-01-02 03:04:05' FROM {tables} WHERE {first} + {number} < {count}",
            database=database,
        )
    server.execute("ALTER TABLE notes ADD FULLTEXT ft (body)", database=database)


def measure(
    world: SearchWorld, server: DatabaseServer, saved: Connection, folder: Path, count: int
) -> bool:
    """Print the lines of one server; whether one is over the bar."""
    exports = ExportsService(
        world.metadata, world.connections, world.search, world.pools, Permissions(world.metadata)
    )
    over = False
    theirs = min(client_s(server, saved.database, folder / "theirs") for _ in range(ROUNDS))
    for export_format in (
        ExportFormat.CSV,
        ExportFormat.NDJSON,
        ExportFormat.PARQUET,
        ExportFormat.XLSX,
    ):
        # What a format loads and one block takes; only what comes on top grows with the rows.
        exports.export_all_(
            world.actor,
            folder / f"few.{export_format.value}",
            export_format,
            SearchRequest(f"+lorem +{FEW}", SearchMode.BOOLEAN),
        )
        before = _peak_mb()
        best = float("inf")
        path = folder / f"ours.{export_format.value}"
        for _ in range(ROUNDS):
            began = time.perf_counter()
            report = exports.export_all_(
                world.actor, path, export_format, SearchRequest("lorem"), replaces=True
            )
            best = min(best, time.perf_counter() - began)
            assert report.rows == count, report
        grown = _peak_mb() - before
        ratio = best / theirs
        over = over or ratio > BAR or grown > GROWTH_MB
        print(
            f"{server.flavour:8} {export_format.value:7} {count:,} rows, "
            f"{path.stat().st_size / 1e6:.0f} MB: {best:.2f} s, its client {theirs:.2f} s, "
            f"ratio {ratio:.2f} (bar {BAR:g}); peak memory +{grown:.0f} MB (bar {GROWTH_MB})",
            flush=True,
        )
    return over


def client_s(server: DatabaseServer, database: str, path: Path) -> float:
    """How long the server's own client takes to write the rows."""
    if server.flavour is Flavour.MYSQL:
        program = find_programs(Flavour.MYSQL).server.with_name("mysql")
    else:
        program = Path(shutil.which("mariadb") or "mariadb")
    match = "MATCH (`body`) AGAINST ('lorem')"
    command = [str(program), "--no-defaults", "--batch", "--quick", "--protocol=tcp"]
    command += ["-h", server.host, f"-P{server.port}", "-uroot", database]
    columns = "`id`, `title`, `body`, `price`, `made`"
    command += ["-e", f"SELECT {columns}, {match} AS altus4_score FROM notes WHERE {match}"]
    environment = {**os.environ, "MYSQL_PWD": ROOT_PASSWORD}
    began = time.perf_counter()
    with path.open("wb") as file:
        subprocess.run(command, stdout=file, check=True, env=environment)
    return time.perf_counter() - began


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
