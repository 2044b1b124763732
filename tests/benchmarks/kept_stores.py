"""Stores that were filled before, named by a URL, and what is spent on any store."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pymysql

from altus4_desktop.domain.figures import Period
from altus4_desktop.storage.location import parse_store_url
from tests.stores import StorePlace

_LONG_S = 3600

Query = Callable[[str], list[tuple[Any, ...]]]


def kept_place(url: str) -> StorePlace:
    """The store at ``url``; a server's password is read from ALTUS4_BENCH_PASSWORD."""
    location = parse_store_url(url)
    password = None if location.embedded else os.environ["ALTUS4_BENCH_PASSWORD"]
    return StorePlace(url, location, password, _ask_nothing)


def _ask_nothing(statement: str) -> NoReturn:
    raise AssertionError(statement)


@contextlib.contextmanager
def session(place: StorePlace) -> Iterator[Query]:
    """A bare way to ask a store."""
    if place.location.file is not None:
        with contextlib.closing(sqlite3.connect(place.location.file, isolation_level=None)) as file:
            yield lambda text: file.execute(text).fetchall()
        return
    with (
        contextlib.closing(
            pymysql.connect(
                host=place.location.host,
                port=place.location.port,
                user=place.location.username,
                password=place.password or "",
                database=place.location.database,
                autocommit=True,
                read_timeout=_LONG_S,
            )
        ) as connection,
        connection.cursor() as cursor,
    ):

        def query(text: str) -> list[tuple[Any, ...]]:
            cursor.execute(text)
            return list(cursor.fetchall())

        cursor.execute("SET SESSION time_zone = '+00:00'")
        yield query


def raw_aggregate(period: Period) -> str:
    """What a program that keeps no figures would ask a store for them."""
    end = period.last + timedelta(days=1)
    return (
        "SELECT DATE(created_at), COUNT(*), SUM(execution_time_ms), SUM(result_count = 0)"
        f" FROM searches WHERE created_at >= '{period.first}' AND created_at < '{end}'"
        " GROUP BY DATE(created_at)"
    )


def processor_clock(place: StorePlace, query: Query) -> Callable[[], float]:
    """What tells the processor time of this process and the server."""
    if place.on_file:
        return time.process_time
    ((file,),) = query("SELECT @@pid_file")
    stat = Path(f"/proc/{Path(file).read_text('ascii').strip()}/stat")
    return lambda: time.process_time() + _server_s(stat)


def _server_s(stat: Path) -> float:
    """Seconds of processor time of a server."""
    fields = stat.read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
