"""Sessions of a backup: none waits for a server that does not answer, nor for anybody who has
cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.storage.client_programs import ServerAccess, ServerSilentError
from altus4_desktop.storage.engine import build_engine
from altus4_desktop.storage.server_names import quoted

# What a connection's `info` says of it.
_HEEDS = "altus4_heeds"
_SHUT = "altus4_shut"
# Tidying up after somebody has cancelled: what does not go quickly goes with the next backup.
_TIDY_SIGN_IN_S = 1.0
_TIDY_ANSWER_S = 5.0


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
    """Within the block ``connection`` goes on when ``token`` is cancelled: half of what is done
    would be worse than all of it. Raises Cancelled when it is already."""
    token.raise_if_cancelled()
    # Of a connection that is lost meanwhile SQLAlchemy would have to open another for this.
    info = connection.info
    info[_HEEDS] = False
    try:
        # It may have been shut just before.
        token.raise_if_cancelled()
        yield
    finally:
        info[_HEEDS] = True


def drop_after(
    access: ServerAccess, connection: sa.Connection, name: str, error: BaseException | None
) -> None:
    """Drop the database ``name`` after ``error`` (None: all went well), if that can be done soon;
    whoever comes next does it otherwise."""
    if isinstance(error, ServerSilentError):
        return
    with suppress(sa.exc.SQLAlchemyError, AltusError):
        if not (connection.invalidated or connection.info.get(_SHUT)):
            connection.rollback()
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted(name)}")
            return
        with _session(access, CancelToken(), _TIDY_SIGN_IN_S, _TIDY_ANSWER_S) as other:
            other.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted(name)}")


@contextmanager
def _session(
    access: ServerAccess, token: CancelToken, sign_in_s: float | None, answer_s: float
) -> Iterator[sa.Connection]:
    from altus4_desktop.driver.connect import abort_connection
    from altus4_desktop.driver.wire import WireConnection

    def bound(wire: WireConnection, _: object) -> None:
        wire.read_timeout_s = answer_s

    engine = build_engine(
        access.location,
        access.password_secret,
        migrating=True,
        sign_in_s=sign_in_s,
        token=token,
    )
    sa.event.listen(engine, "connect", bound)
    try:
        with engine.connect() as connection:
            wire = connection.connection.dbapi_connection
            assert isinstance(wire, WireConnection)  # noqa: S101 - our engine's creator makes it
            info = connection.info
            info[_HEEDS] = True

            def shut() -> None:
                if info[_HEEDS]:
                    info[_SHUT] = True
                    abort_connection(wire)

            with token.on_cancel(shut):
                try:
                    yield connection
                except BaseException as error:
                    if token.cancelled or isinstance(error, ServerSilentError):
                        # To say goodbye it would wait for an answer.
                        connection.invalidate()
                    raise
    except Exception:
        # Whatever a socket says that was shut.
        token.raise_if_cancelled()
        raise
