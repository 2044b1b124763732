"""Sessions of a backup: none waits for a server that does not answer, nor for anybody who has
cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, HalfDoneError
from altus4_desktop.storage.client_programs import ServerAccess, ServerSilentError
from altus4_desktop.storage.engine import build_engine
from altus4_desktop.storage.server_names import quoted

if TYPE_CHECKING:
    from altus4_desktop.driver.wire import WireConnection

# The execution option that is a connection's `_Line`, also after it was lost and opened again.
_LINE = "altus4_line"
# Tidying up after somebody has cancelled: what does not go quickly goes with the next backup.
_TIDY_SIGN_IN_S = 1.0
_TIDY_ANSWER_S = 5.0


class _Line:
    """What a session talks over, and whether somebody who cancels may shut it."""

    def __init__(self, answer_s: float) -> None:
        self.heeds = True
        self.is_shut = False
        self._answer_s = answer_s
        self._wires: list[WireConnection] = []

    def take(self, wire: WireConnection) -> None:
        """Before anything is asked on it, SQLAlchemy's own questions too."""
        wire.read_timeout_s = self._answer_s
        self._wires.append(wire)
        if self.is_shut:
            self.shut()

    def shut(self) -> None:
        from altus4_desktop.driver.connect import abort_connection

        if self.heeds:
            self.is_shut = True
            for wire in self._wires:
                abort_connection(wire)


@contextmanager
def open_session(access: ServerAccess, token: CancelToken) -> Iterator[sa.Connection]:
    """A session of its own, whose socket is shut when ``token`` is cancelled or the server is
    silent for `ServerAccess.quiet_s`.

    Raises SQLAlchemy's errors, Cancelled.
    """
    with _session(access, token, None, access.quiet_s) as connection:
        yield connection


@contextmanager
def unheeding(connection: sa.Connection, token: CancelToken) -> Iterator[None]:
    """Within the block ``token`` is held and ``connection`` goes on when it is cancelled. Raises
    Cancelled when it is already."""
    with token.held():
        line: _Line = connection.get_execution_options()[_LINE]
        line.heeds = False
        try:
            # It may have been shut just before.
            token.raise_if_cancelled()
            yield
        finally:
            line.heeds = True


def drop_after(
    access: ServerAccess, connection: sa.Connection, name: str, error: BaseException | None
) -> None:
    """Drop the database ``name`` after ``error`` (None: all went well), if that can be done soon;
    whoever comes next does it otherwise."""
    if isinstance(error, ServerSilentError):
        return
    with suppress(sa.exc.SQLAlchemyError, AltusError):
        if not (connection.invalidated or connection.get_execution_options()[_LINE].is_shut):
            connection.rollback()
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted(name)}")
            return
        with _session(access, CancelToken(), _TIDY_SIGN_IN_S, _TIDY_ANSWER_S) as other:
            other.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted(name)}")


@contextmanager
def _session(
    access: ServerAccess, token: CancelToken, sign_in_s: float | None, answer_s: float
) -> Iterator[sa.Connection]:
    line = _Line(answer_s)
    engine = build_engine(
        access.location,
        access.password_secret,
        migrating=True,
        sign_in_s=sign_in_s,
        token=token,
        opened=line.take,
    )
    try:
        with token.on_cancel(line.shut), engine.connect() as connection:
            connection.execution_options(**{_LINE: line})
            try:
                yield connection
            except BaseException as error:
                if token.cancelled or isinstance(error, ServerSilentError):
                    # To say goodbye it would wait for an answer.
                    connection.invalidate()
                raise
    except HalfDoneError:
        raise
    except Exception:
        # Whatever a socket says that was shut.
        token.raise_if_cancelled()
        raise
