"""Every failure of a server as a sentence: codes of both flavours, sockets, garbage."""

from __future__ import annotations

import errno
import socket
import ssl
import string
import struct

import pytest
from pymysql import err

from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.driver import failures
from altus4_desktop.driver.failures import is_clean_server_error, translate

TARGET = Target("id", "Books", "db.example.org", 3307, "books", "ada", "canary-password")


def wrapped(code: int, cause: OSError) -> err.OperationalError:
    """As PyMySQL hides a socket's error."""
    error = err.OperationalError(code, "text")
    error.original_exception = cause  # type: ignore[attr-defined]  # as PyMySQL does
    return error


@pytest.mark.parametrize(
    ("error", "failure", "code"),
    [
        (err.OperationalError(1045, "denied"), TenantFailure.CREDENTIALS, 1045),
        (err.OperationalError(1698, "denied"), TenantFailure.CREDENTIALS, 1698),
        (err.OperationalError(4151, "locked"), TenantFailure.CREDENTIALS, 4151),
        (err.OperationalError(3118, "locked"), TenantFailure.CREDENTIALS, 3118),
        (err.OperationalError(1862, "expired"), TenantFailure.CREDENTIALS, 1862),
        (err.OperationalError(1049, "unknown"), TenantFailure.DATABASE, 1049),
        (err.OperationalError(1044, "denied"), TenantFailure.DATABASE, 1044),
        (err.OperationalError(1040, "too many"), TenantFailure.BUSY, 1040),
        (err.OperationalError(1226, "resource"), TenantFailure.BUSY, 1226),
        (err.OperationalError(1130, "host"), TenantFailure.DENIED, 1130),
        (err.OperationalError(1142, "table"), TenantFailure.DENIED, 1142),
        (err.OperationalError(1792, "read only"), TenantFailure.DENIED, 1792),
        (err.OperationalError(1969, "limit"), TenantFailure.TIMEOUT, 1969),
        (err.OperationalError(3024, "limit"), TenantFailure.TIMEOUT, 3024),
        (err.ProgrammingError(1064, "syntax"), TenantFailure.QUERY, 1064),
        (err.OperationalError(1191, "index"), TenantFailure.QUERY, 1191),
        (err.InternalError(188, "cache"), TenantFailure.QUERY, 188),
        (err.OperationalError(9999, "new"), TenantFailure.QUERY, 9999),
        (err.OperationalError(3159, "insecure"), TenantFailure.TLS, 3159),
        (err.OperationalError(2026, "no TLS"), TenantFailure.TLS, 2026),
        (err.OperationalError(2059, "plugin"), TenantFailure.CREDENTIALS, 2059),
        (err.OperationalError(2013, "lost"), TenantFailure.LOST, 2013),
        (err.OperationalError(2006, "gone"), TenantFailure.LOST, 2006),
        (err.OperationalError(1927, "killed"), TenantFailure.LOST, 1927),
        (err.OperationalError(4031, "idle"), TenantFailure.LOST, 4031),
        (err.InterfaceError(0, ""), TenantFailure.LOST, 2006),
        (wrapped(2003, TimeoutError("timed out")), TenantFailure.TIMEOUT, None),
        (wrapped(2003, ConnectionResetError()), TenantFailure.LOST, None),
        (wrapped(2003, ssl.SSLError(1, "[SSL] handshake")), TenantFailure.TLS, None),
        (wrapped(2003, ssl.SSLEOFError(8, "EOF")), TenantFailure.TLS, None),
        (wrapped(2013, ssl.SSLEOFError(8, "EOF")), TenantFailure.LOST, None),
        (socket.gaierror(socket.EAI_NONAME, "?"), TenantFailure.HOST, None),
        (ConnectionRefusedError(), TenantFailure.PORT, None),
        (TimeoutError(), TenantFailure.TIMEOUT, None),
        (OSError(errno.ETIMEDOUT, ""), TenantFailure.TIMEOUT, None),
        (OSError(errno.EHOSTUNREACH, ""), TenantFailure.HOST, None),
        (OSError(errno.ENETUNREACH, ""), TenantFailure.HOST, None),
        (FileNotFoundError(), TenantFailure.HOST, None),
        (err.InternalError("Packet sequence number wrong"), TenantFailure.PROTOCOL, None),
        (struct.error("unpack"), TenantFailure.PROTOCOL, None),
        (IndexError(), TenantFailure.PROTOCOL, None),
        (RuntimeError("LOAD_LOCAL"), TenantFailure.PROTOCOL, None),
        (AssertionError(), TenantFailure.PROTOCOL, None),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "?"), TenantFailure.PROTOCOL, None),
    ],
    ids=repr,
)
def test_translations(error: BaseException, failure: TenantFailure, code: int | None) -> None:
    told = translate(error, TARGET)
    assert isinstance(told, TenantError)
    assert (told.failure, told.server_code) == (failure, code)
    assert told.message[0] in string.ascii_uppercase + "“"
    assert told.message.endswith((".", "denied", "new"))
    assert "{" not in told.message + told.hint
    assert "canary" not in f"{told!r} {told.message} {told.hint} {told.details}"


def test_kinds_have_sentences_of_their_own() -> None:
    errors = {
        TenantFailure.HOST: socket.gaierror(),
        TenantFailure.PORT: ConnectionRefusedError(),
        TenantFailure.TLS: err.OperationalError(2026, ""),
        TenantFailure.CREDENTIALS: err.OperationalError(1045, ""),
        TenantFailure.DATABASE: err.OperationalError(1049, ""),
        TenantFailure.TIMEOUT: TimeoutError(),
        TenantFailure.LOST: err.OperationalError(2013, ""),
        TenantFailure.BUSY: err.OperationalError(1040, ""),
        TenantFailure.DENIED: err.OperationalError(1142, ""),
        TenantFailure.QUERY: err.ProgrammingError(1064, ""),
        TenantFailure.PROTOCOL: IndexError(),
        # An SSH tunnel has sentences of its own.
    }
    assert set(errors) == set(TenantFailure) - {TenantFailure.TUNNEL}
    told = {kind: translate(error, TARGET) for kind, error in errors.items()}
    assert len({error.message for error in told.values()}) == len(errors)
    assert all(error.hint for error in told.values())
    assert {kind.value for kind in told} == {error.code.split(".")[1] for error in told.values()}


@pytest.mark.parametrize(
    ("error", "clean"),
    [
        (err.ProgrammingError(1064, ""), True),
        (err.OperationalError(1317, ""), True),
        (err.OperationalError(3024, ""), True),
        (err.InternalError(188, ""), True),
        (err.OperationalError(2013, ""), False),
        (err.OperationalError(1927, ""), False),
        (err.OperationalError(4031, ""), False),
        (err.InterfaceError(0, ""), False),
        (err.InternalError("Packet sequence number wrong"), False),
        (RuntimeError(), False),
        (TimeoutError(), False),
    ],
    ids=repr,
)
def test_after_which_errors_a_connection_may_be_used_on(error: Exception, clean: bool) -> None:
    assert is_clean_server_error(error) is clean


def test_our_own_errors_stay_as_they_are() -> None:
    cancelled = Cancelled()
    assert translate(cancelled, TARGET) is cancelled


def test_a_servers_words_are_cut_and_made_plain() -> None:
    told = translate(err.OperationalError(9999, "\x1b[31m" + "x" * 5000), TARGET)
    assert told.message.isprintable()
    assert len(told.message) < 400


def test_braces_in_a_servers_words_do_no_harm() -> None:
    told = translate(err.OperationalError(9999, "{host} {0} {__class__}"), TARGET)
    assert told.message.endswith("{host} {0} {__class__}")


def test_every_template_can_be_filled() -> None:
    details = failures._place(TARGET)
    for sentence in failures._SERVER_CODES.values():
        assert "{" not in (sentence[1] + sentence[2]).format_map(details)
