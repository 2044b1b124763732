"""When a session's connection may be used on, where servers cannot be made to show it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pymysql import err

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.driver.wire import WireConnection
from altus4_desktop.mysql.clockwork import Clockwork
from altus4_desktop.mysql.running import RunningStatement
from altus4_desktop.mysql.session import TenantSession


@dataclass
class Result:
    has_next: bool = False
    description: Any = (("n",),)
    rows: Any = ()


class ScriptedConnection:
    """A connection whose statements do what the test says."""

    server_version = "10.11.19-MariaDB"

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self.result = Result()

    def thread_id(self) -> int:
        return 7

    def query(self, _: str) -> None:
        self._act()


@pytest.fixture
def clockwork() -> Iterator[Clockwork]:
    made = Clockwork("test")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_server_to_kill_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunningStatement, "_kill", lambda self: None)


def session_that(
    act: Callable[[], None], token: CancelToken, clockwork: Clockwork
) -> TenantSession:
    target = Target("id", "Books", "h", 3306, "books", "u", "p")
    return TenantSession(cast("WireConnection", ScriptedConnection(act)), target, token, clockwork)


def test_a_statement_that_ended_before_its_kill_costs_the_connection(
    clockwork: Clockwork,
) -> None:
    """The KILL may still arrive, and would then hit whatever runs next."""
    token = CancelToken()
    session = session_that(token.cancel, token, clockwork)
    with pytest.raises(Cancelled):
        session.query("SELECT 1")
    assert session.broken


def test_a_killed_statement_keeps_it(clockwork: Clockwork) -> None:
    token = CancelToken()

    def act() -> None:
        token.cancel()
        raise err.OperationalError(1317, "interrupted")

    session = session_that(act, token, clockwork)
    with pytest.raises(Cancelled):
        session.query("SELECT 1")
    assert not session.broken


@pytest.mark.parametrize(
    ("error", "broken"),
    [
        (err.ProgrammingError(1064, ""), False),
        (err.OperationalError(2013, ""), True),
        (err.InternalError("Packet sequence number wrong"), True),
        (RuntimeError("LOAD LOCAL"), True),
    ],
    ids=repr,
)
def test_after_an_error(error: Exception, broken: bool, clockwork: Clockwork) -> None:
    def act() -> None:
        raise error

    session = session_that(act, CancelToken(), clockwork)
    with pytest.raises(TenantError):
        session.query("SELECT 1")
    assert session.broken is broken


def test_after_an_interrupt_from_the_keyboard(clockwork: Clockwork) -> None:
    def act() -> None:
        raise KeyboardInterrupt

    session = session_that(act, CancelToken(), clockwork)
    with pytest.raises(KeyboardInterrupt):
        session.query("SELECT 1")
    assert session.broken


@pytest.mark.parametrize(
    ("number", "limit_s", "failure"),
    [
        (188, 0.001, TenantFailure.TIMEOUT),
        (188, 9.0, TenantFailure.QUERY),
        (1317, 0.001, TenantFailure.TIMEOUT),
        (1317, 9.0, TenantFailure.LOST),
    ],
)
def test_what_may_be_the_time_limit_is_it_once_that_is_over(
    clockwork: Clockwork, number: int, limit_s: float, failure: TenantFailure
) -> None:
    """MariaDB 10.11 has one number for it and a full cache, MySQL 9.7 for it and a KILL QUERY."""

    def act() -> None:
        threading.Event().wait(0.003)
        raise err.InternalError(number, "What the server says")

    session = session_that(act, CancelToken(), clockwork)
    with pytest.raises(TenantError) as raised:
        session.query("SELECT 1", timeout_s=limit_s)
    assert raised.value.failure is failure
    assert not session.broken
