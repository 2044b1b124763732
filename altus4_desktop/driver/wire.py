"""PyMySQL's connection with what it leaves open closed: who may see a password, and when."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import Any

from pymysql import _auth, connections, err
from pymysql.constants import CLIENT, COMMAND, CR

# Each of these hands the password, or something as good as the password, to whoever asks for it.
_REVEALING_PLUGINS = ("mysql_clear_password", "dialog", "mysql_old_password")

# More than any page of results or full row needs; a hostile server must not fill the memory.
RESULT_LIMIT_BYTES = 512 * 1024 * 1024

# A line that fell silent while it was idle is not to be waited for as for a long statement.
PING_TIMEOUT_S = 2.0

_PyMySQL: Any = connections.Connection


class SignInRefused(err.OperationalError):
    """We refuse the sign-in method; ``args`` are 2059 and its name."""


class KeyRefused(err.OperationalError):
    """We refuse to encrypt the password with a key the server sent over an open line."""


class ResultTooLarge(err.OperationalError):
    """One statement brought more than `RESULT_LIMIT_BYTES`."""


class _Deny:
    """A sign-in method that must never be answered."""

    def __init__(self, connection: WireConnection) -> None:
        del connection

    def authenticate(self, packet: Any) -> Any:
        del packet
        raise SignInRefused(CR.CR_AUTH_PLUGIN_CANNOT_LOAD, "denied")


class _Sha256:
    """``sha256_password``, answered as if there were no password.

    MySQL names it, among others, for users that do not exist; its answer to an empty password says
    "access denied", which is the truth worth showing.
    """

    def __init__(self, connection: WireConnection) -> None:
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        del packet
        self._connection.write_packet(b"\0")
        packet = self._connection._read_packet()  # noqa: SLF001 (PyMySQL's plugins all use it)
        if packet.is_ok_packet() and not self._connection.password:
            return packet
        raise SignInRefused(CR.CR_AUTH_PLUGIN_CANNOT_LOAD, "denied")


class _CachingSha2:
    """``caching_sha2_password`` that asks for no public key where anybody could send one."""

    def __init__(self, connection: WireConnection) -> None:
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        connection = self._connection
        if connection.may_send_password():
            return _auth.caching_sha2_password_auth(connection, packet)
        if packet.is_auth_switch_request():
            connection.salt = packet.read_all().removesuffix(b"\0")
            connection.write_packet(
                _auth.scramble_caching_sha2(connection.password, connection.salt)
            )
            packet = connection._read_packet()  # noqa: SLF001 (PyMySQL's plugins all use it)
        if not packet.is_extra_auth_data():
            return packet
        packet.advance(1)
        if packet.read_uint8() != 3:
            raise KeyRefused(CR.CR_AUTH_PLUGIN_ERR, "public key retrieval refused")
        return connection._read_packet()  # noqa: SLF001 (the final OK follows)


class WireConnection(_PyMySQL):  # type: ignore[misc]  # the stubs hide what we override
    """A PyMySQL connection over our own socket."""

    _auth_plugin_name: str

    def __init__(
        self,
        *,
        over_unix_socket: bool,
        trust_key: bool,
        result_class: type[connections.MySQLResult] | None,
        **arguments: Any,
    ) -> None:
        denied: Mapping[str, Any] = dict.fromkeys(_REVEALING_PLUGINS, _Deny)
        self._over_unix_socket = over_unix_socket
        self._trust_key = trust_key
        self._budget_bytes = RESULT_LIMIT_BYTES
        self._result_class = result_class or connections.MySQLResult
        super().__init__(
            defer_connect=True,
            local_infile=False,
            auth_plugin_map={
                **denied,
                "sha256_password": _Sha256,
                "caching_sha2_password": _CachingSha2,
            },
            **arguments,
        )

    def offer_tls(self) -> None:
        """Encrypt when the server offers it, go on without when it does not (mode preferred)."""
        self._ssl_required = False
        self.client_flag &= ~CLIENT.SSL

    def start(self, sock: socket.socket) -> None:
        """Shake hands and sign in over ``sock``, which is ours to close from now on."""
        if self._over_unix_socket:
            self._secure = True
        self.connect(sock)

    @property
    def socket(self) -> socket.socket | None:
        """The socket in use, None once closed."""
        found: socket.socket | None = self._sock
        return found

    @property
    def result(self) -> Any:
        """The result of the last statement: ``rows``, ``description``, ``has_next``."""
        return self._result

    @property
    def rows(self) -> Any:
        """The rows of the last statement; empty for one that has none."""
        return self.result.rows or ()

    @property
    def read_timeout_s(self) -> float | None:
        """How long one read may wait."""
        seconds: float | None = self._read_timeout
        return seconds

    @read_timeout_s.setter
    def read_timeout_s(self, seconds: float | None) -> None:
        self._read_timeout = seconds

    def ping(self, reconnect: bool = False) -> None:
        """Ask for a sign of life, which a server that is well gives at once."""
        usual_s = self.read_timeout_s
        self.read_timeout_s = PING_TIMEOUT_S if usual_s is None else min(usual_s, PING_TIMEOUT_S)
        super().ping(reconnect)
        self.read_timeout_s = usual_s

    def may_send_password(self) -> bool:
        """Whether the line is one on which the password itself may travel."""
        return self._secure or self._trust_key

    def query_columns(self, sql: str, result_class: type[connections.MySQLResult]) -> Any:
        """Send ``sql`` and read the answer to the end of its column list, as a ``result_class``
        that leaves the rows unread; they are the bytes that `read_some` gives."""
        self._execute_command(COMMAND.COM_QUERY, sql)
        result = result_class(self)
        result.read()
        return result

    def read_some(self, most: int) -> bytes:
        """The next bytes of the answer, 1 to ``most``; they do not count for the limit of a result.

        Raises OperationalError when the line ended.
        """
        try:
            data: bytes = self._rfile.read1(most)
        except OSError as error:
            self._force_close()
            raise err.OperationalError(CR.CR_SERVER_LOST, "lost while reading rows") from error
        if not data:
            self._force_close()
            raise err.OperationalError(CR.CR_SERVER_LOST, "lost while reading rows")
        return data

    def close(self) -> None:
        """Say goodbye and close; a second call does nothing."""
        if not self._closed:
            super().close()

    def drop(self) -> None:
        """Close without a goodbye: the other end is not listening or not to be trusted.

        For the thread that uses the connection.
        """
        self._closed = True
        reader = self._rfile
        self._force_close()
        if reader is not None:
            # It keeps the socket open, and lives on in the traceback of what went wrong.
            with contextlib.suppress(OSError):
                reader.close()

    def _get_server_information(self) -> None:
        super()._get_server_information()
        if self._auth_plugin_name == "sha256_password":
            # PyMySQL would send the password with its first packet, before any plugin is asked.
            # With another method named, a server that means it has to switch, and is refused there.
            self._auth_plugin_name = "caching_sha2_password"

    def _execute_command(self, command: int, sql: Any) -> None:
        self._budget_bytes = RESULT_LIMIT_BYTES
        super()._execute_command(command, sql)

    def _read_bytes(self, num_bytes: int) -> bytes:
        self._budget_bytes -= num_bytes
        if self._budget_bytes < 0:
            self._force_close()
            raise ResultTooLarge(CR.CR_NET_PACKET_TOO_LARGE, "result too large")
        data: bytes = super()._read_bytes(num_bytes)
        return data

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        if unbuffered:
            return super()._read_query_result(unbuffered=True)
        self._result = None
        result = self._result_class(self)
        result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows
