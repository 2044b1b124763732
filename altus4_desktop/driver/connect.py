"""Opening a connection: every phase bounded in time, and given up the moment a token says so."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, Target, TlsMode, TlsReport
from altus4_desktop.domain.errors import AltusError, Cancelled
from altus4_desktop.driver.dial import dial, is_local_peer, is_loopback_name, is_socket_path
from altus4_desktop.driver.failures import deadline_passed, translate

if TYPE_CHECKING:
    import ssl

    from pymysql.connections import Connection, MySQLResult

    from altus4_desktop.driver.tunnel import Tunnel
    from altus4_desktop.driver.wire import WireConnection

# A server that enforces its statement limit must be heard saying so before we stop listening.
ANSWER_MARGIN_S = 5.0
_PROGRAM_NAME = "altus4-desktop"


def open_connection(
    target: Target,
    *,
    setup: Sequence[str] | Callable[[Flavour], Sequence[str]] = (),
    token: CancelToken | None = None,
    conv: Mapping[Any, Any] | None = None,
    use_database: bool = True,
    autocommit: bool = True,
    found_rows: bool = False,
    result_class: type[MySQLResult] | None = None,
    timeout_s: float | None = None,
    via: Tunnel | None = None,
) -> WireConnection:
    """A signed-in connection on which ``setup`` has run; raises `TenantError` or `Cancelled`.

    ``timeout_s`` (default: the target's connect timeout) bounds everything until it is returned;
    afterwards one read may wait for the target's query timeout and a margin. ``found_rows`` makes
    UPDATE count the rows it matched. A host that starts with ``/`` is a Unix socket.
    ``setup`` may be a function of the flavour. ``via`` is the tunnel of a target that has one.
    """
    from altus4_desktop.driver.tls import build_context

    limit_s = target.pool.connect_timeout_s if timeout_s is None else timeout_s
    until = time.monotonic() + limit_s
    token = token or CancelToken()
    token.raise_if_cancelled()
    sock = _reach(target, via, limit_s, token)
    try:
        connection = _build(
            target,
            build_context(target.tls),
            private=_is_private(target, sock, via),
            conv=conv,
            use_database=use_database,
            autocommit=autocommit,
            found_rows=found_rows,
            result_class=result_class,
        )
        connection.read_timeout_s = limit_s
    except BaseException:
        sock.close()
        raise
    with _bounded(connection, sock, target, limit_s, until, token):
        connection.start(sock)
        statements = setup(server_flavour(connection)[0]) if callable(setup) else setup
        for statement in statements:
            connection.query(statement)
    connection.read_timeout_s = target.pool.query_timeout_s + ANSWER_MARGIN_S
    return connection


def read_certificate(
    target: Target, token: CancelToken | None = None, via: Tunnel | None = None
) -> bytes:
    """The certificate (DER) that the server shows; it hears nothing of us but that we want TLS.

    Raises `TenantError` or `Cancelled` within the target's connect timeout.
    """
    from altus4_desktop.driver.tls import CertificateShown, build_reading_context

    limit_s = target.pool.connect_timeout_s
    until = time.monotonic() + limit_s
    token = token or CancelToken()
    token.raise_if_cancelled()
    nobody = replace(target, username="", password_secret="")
    sock = _reach(target, via, limit_s, token)
    try:
        context = build_reading_context(target.tls)
        connection = _build(nobody, context, private=False, use_database=False)
        connection.read_timeout_s = limit_s
    except BaseException:
        sock.close()
        raise
    try:
        with _bounded(connection, sock, target, limit_s, until, token):
            try:
                connection.start(sock)
            except CertificateShown as shown:
                return shown.der
            raise ValueError("signed in as nobody")
    finally:
        connection.drop()
        sock.close()


def abort_connection(connection: Connection[Any]) -> None:
    """Make every read and write of ``connection`` fail at once; safe from any thread."""
    sock = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 (PyMySQL offers no other way)
    if sock is not None:
        _shut(sock)


def tls_report(connection: Connection[Any]) -> TlsReport:
    """What was negotiated on ``connection`` and what of it was verified."""
    import ssl

    from altus4_desktop.driver.tls import Context

    sock = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 (as above)
    if not isinstance(sock, ssl.SSLSocket):
        return TlsReport()
    cipher = sock.cipher()
    context = sock.context
    return TlsReport(
        protocol=sock.version() or "",
        cipher=cipher[0] if cipher else "",
        certificate_verified=context.verify_mode == ssl.CERT_REQUIRED,
        identity_verified=context.check_hostname,
        pinned=isinstance(context, Context) and bool(context.pin_sha256),
        client_certificate=isinstance(context, Context) and context.offers_certificate,
    )


def server_flavour(connection: Connection[Any]) -> tuple[Flavour, str]:
    """Who answered and which version, from the greeting alone."""
    text = str(connection.server_version)  # type: ignore[attr-defined]  # set by the greeting
    if "mariadb" in text.lower():
        # MariaDB before 11 pretends to be a 5.5 replica for the sake of old clients.
        return Flavour.MARIADB, re.sub(r"^5\.5\.5-", "", text)
    return Flavour.MYSQL, text


def _reach(target: Target, via: Tunnel | None, limit_s: float, token: CancelToken) -> socket.socket:
    if via is not None:
        return via.open_line(limit_s, token)
    assert target.ssh is None, "a tunnel leads there"  # noqa: S101 - never around it
    try:
        return dial(target.host, target.port, limit_s, token)
    except (OSError, UnicodeError) as error:
        raise translate(error, target) from error


def _is_private(target: Target, sock: socket.socket, via: Tunnel | None) -> bool:
    """Whether nobody else can listen: within this machine, or within the SSH server's."""
    return is_loopback_name(target.host) if via is not None else is_local_peer(sock)


@contextlib.contextmanager
def _bounded(
    connection: WireConnection,
    sock: socket.socket,
    target: Target,
    limit_s: float,
    until: float,
    token: CancelToken,
) -> Iterator[None]:
    """Within the block ``sock`` is shut when the time is over or nobody wants it any more; what
    goes wrong leaves nothing open and comes out as it is told."""
    try:
        # The handshake wraps the socket: only a duplicate reaches it at every moment.
        handle = sock.dup()
    except OSError as error:
        sock.close()
        raise translate(error, target) from error
    with contextlib.closing(handle):
        ending = threading.Lock()
        over, late = threading.Event(), threading.Event()

        def give_up() -> None:
            with ending:
                if not over.is_set():
                    late.set()
                    _shut(handle)

        watchdog = threading.Timer(max(0.0, until - time.monotonic()), give_up)
        watchdog.daemon = True
        try:
            watchdog.start()
            with token.on_cancel(lambda: _shut(handle)):
                yield
            with ending:
                over.set()
            # Either may have shut the line just after the last answer came.
            token.raise_if_cancelled()
            if late.is_set():
                raise TimeoutError("sign-in")
        except BaseException as error:
            connection.drop()
            sock.close()
            if token.cancelled:
                raise Cancelled() from error
            if isinstance(error, AltusError) or not isinstance(error, Exception):
                raise
            if late.is_set():
                raise deadline_passed(target, limit_s) from error
            raise translate(error, target) from error
        finally:
            watchdog.cancel()


def _build(
    target: Target,
    context: ssl.SSLContext | None,
    *,
    private: bool,
    conv: Mapping[Any, Any] | None = None,
    use_database: bool = True,
    autocommit: bool = True,
    found_rows: bool = False,
    result_class: type[MySQLResult] | None = None,
) -> WireConnection:
    from pymysql.constants import CLIENT

    from altus4_desktop.driver.wire import WireConnection

    preferred = target.tls.mode is TlsMode.PREFERRED
    if preferred and is_socket_path(target.host):
        context = None
    connection = WireConnection(
        over_unix_socket=is_socket_path(target.host),
        trust_key=private and target.tls.mode is TlsMode.DISABLED,
        result_class=result_class,
        host="localhost" if is_socket_path(target.host) else target.host,
        port=target.port,
        user=target.username,
        # PyMySQL would encode a str as latin-1.
        password=target.password_secret.encode("utf-8"),
        database=target.database if use_database and target.database else None,
        charset="utf8mb4",
        conv=conv,
        autocommit=autocommit,
        client_flag=CLIENT.FOUND_ROWS if found_rows else 0,
        program_name=_PROGRAM_NAME,
        connect_timeout=max(1.0, target.pool.connect_timeout_s),
        write_timeout=target.pool.query_timeout_s + ANSWER_MARGIN_S,
        ssl=context,
        ssl_disabled=context is None,
    )
    if preferred and context is not None:
        connection.offer_tls()
    return connection


def _shut(sock: socket.socket) -> None:
    # SSLSocket.shutdown() would forget the encryption first and let a later write go out in clear.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
