"""What went wrong with a server, as a sentence for a person: one for each kind of failure."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import AltusError, Detail, TenantError, TenantFailure

_Sentence = tuple[TenantFailure, str, str, bool]

_LOST_CODES = frozenset({1053, 1077, 1079, 1080, 1152, *range(1158, 1162), 1184, 1927, 3169, 4031})
_GONE_CODE = 2006
_AT_WORK_CODES = frozenset({_GONE_CODE, 2013})
_SERVER_TEXT_LIMIT = 300

_CREDENTIALS: _Sentence = (
    TenantFailure.CREDENTIALS,
    "The server refused the user “{username}” or the password.",
    "Check both; an account may also be limited to certain hosts or to encrypted connections.",
    False,
)
_DATABASE: _Sentence = (
    TenantFailure.DATABASE,
    "The database “{database}” does not exist, or “{username}” may not use it.",
    "Check the name (capitals may matter) and the account's grants.",
    False,
)
_FULL: _Sentence = (
    TenantFailure.BUSY,
    "“{host}” accepts no more connections at the moment.",
    "Try again shortly, or make this connection's pool smaller.",
    True,
)
_LOCKED: _Sentence = (
    TenantFailure.CREDENTIALS,
    "The account “{username}” is locked on the server.",
    "Ask whoever runs the server to unlock it.",
    False,
)
_EXPIRED: _Sentence = (
    TenantFailure.CREDENTIALS,
    "The password of “{username}” has expired on the server.",
    "Change it with another client, then enter the new one here.",
    False,
)
_METHOD: _Sentence = (
    TenantFailure.CREDENTIALS,
    "The account “{username}” signs in by a method that this program does not know.",
    "Give it caching_sha2_password (MySQL) or mysql_native_password (MariaDB).",
    False,
)
_PLAINTEXT_REFUSED: _Sentence = (
    TenantFailure.TLS,
    "“{host}” accepts encrypted connections only.",
    "Set TLS to preferred or stronger.",
    False,
)
_LOST: _Sentence = (
    TenantFailure.LOST,
    "The connection to “{host}” was lost.",
    "Try again; a new connection is made.",
    True,
)
_NOT_THIS_HOST: _Sentence = (
    TenantFailure.DENIED,
    "“{host}” does not let this computer connect.",
    "The server has to allow it for the account, or to run FLUSH HOSTS after too many failures.",
    False,
)
_DENIED: _Sentence = (
    TenantFailure.DENIED,
    "“{username}” may not do that on “{host}”.",
    "The account needs SELECT and SHOW VIEW on the database.",
    False,
)
_READ_ONLY: _Sentence = (
    TenantFailure.DENIED,
    "This connection only reads; the server refused a change.",
    "",
    False,
)
_TOO_SLOW: _Sentence = (
    TenantFailure.TIMEOUT,
    "The statement was stopped at its time limit.",
    "Search fewer tables, use rarer words, or raise the connection's query timeout.",
    True,
)
_LOCK_WAIT: _Sentence = (
    TenantFailure.TIMEOUT,
    "Another session held a lock for too long.",
    "Try again when it has finished its work.",
    True,
)
_STOPPED: _Sentence = (
    TenantFailure.LOST,
    "Somebody stopped the statement on the server.",
    "Try again.",
    True,
)
_EXHAUSTED: _Sentence = (
    TenantFailure.BUSY,
    "“{host}” has run out of memory or disk space.",
    "Try again later, or tell whoever runs the server.",
    True,
)
_NO_INDEX: _Sentence = (
    TenantFailure.QUERY,
    "No FULLTEXT index covers exactly these columns.",
    "The table was changed; refresh the schema.",
    False,
)
_CHANGED: _Sentence = (
    TenantFailure.QUERY,
    "The table is not what it was when the schema was read.",
    "Refresh the schema.",
    False,
)
_SYNTAX: _Sentence = (
    TenantFailure.QUERY,
    "The server does not understand this query.",
    "Words, quotes and + - * are safe; search it as plain text instead.",
    False,
)
_NO_FULLTEXT: _Sentence = (
    TenantFailure.QUERY,
    "This table's storage engine has no FULLTEXT search.",
    "",
    False,
)
_TOO_MANY: _Sentence = (
    TenantFailure.QUERY,
    "The query matches more rows than the server's FULLTEXT cache can hold.",
    "Use rarer words; the server's limit is innodb_ft_result_cache_limit.",
    False,
)

_OVERSIZED: _Sentence = (
    TenantFailure.QUERY,
    "The server's answer is larger than this program takes.",
    "Ask for fewer rows, or open the row with a client made for very large values.",
    False,
)
_NO_ENCRYPTION: _Sentence = (
    TenantFailure.TLS,
    "“{host}” offers no encryption, and this connection insists on it.",
    "Turn TLS on at the server. If it should be on, somebody may be in between.",
    False,
)
_UNEXPECTED: _Sentence = (
    TenantFailure.QUERY,
    "The server answered with an error: {server_text}",
    "",
    False,
)
_NOT_FOUND: _Sentence = (
    TenantFailure.HOST,
    "The host “{host}” was not found.",
    "Check the spelling, and whether the network or VPN is up.",
    True,
)
_NOT_REACHED: _Sentence = (
    TenantFailure.HOST,
    "The host “{host}” cannot be reached.",
    "Check the address, and whether the network or VPN is up.",
    True,
)
_NO_SOCKET_FILE: _Sentence = (
    TenantFailure.HOST,
    "There is no server socket at “{host}”.",
    "Check the path, and whether the server runs.",
    True,
)
_SILENT: _Sentence = (
    TenantFailure.TIMEOUT,
    "“{host}” did not answer on port {port} in time.",
    "A firewall may be in the way, or the server hangs.",
    True,
)
_NOBODY_LISTENS: _Sentence = (
    TenantFailure.PORT,
    "“{host}” is there, but nothing listens on port {port}.",
    "Check the port, and whether the server runs and accepts network connections.",
    True,
)

_SERVER_CODES: dict[int, _Sentence] = {
    188: _TOO_MANY,
    1021: _EXHAUSTED,
    1037: _EXHAUSTED,
    1038: _EXHAUSTED,
    1040: _FULL,
    1041: _EXHAUSTED,
    1044: _DATABASE,
    1045: _CREDENTIALS,
    1049: _DATABASE,
    1054: _CHANGED,
    1064: _SYNTAX,
    1129: _NOT_THIS_HOST,
    1130: _NOT_THIS_HOST,
    1142: _DENIED,
    1143: _DENIED,
    1146: _CHANGED,
    1191: _NO_INDEX,
    1203: _FULL,
    1205: _LOCK_WAIT,
    1214: _NO_FULLTEXT,
    1226: _FULL,
    1227: _DENIED,
    1251: _METHOD,
    1275: _METHOD,
    1290: _READ_ONLY,
    1317: _STOPPED,
    1356: _CHANGED,
    1370: _DENIED,
    1524: _METHOD,
    1698: _CREDENTIALS,
    1792: _READ_ONLY,
    1795: _NO_FULLTEXT,
    1820: _EXPIRED,
    1836: _READ_ONLY,
    1862: _EXPIRED,
    1969: _TOO_SLOW,
    2020: _OVERSIZED,
    3024: _TOO_SLOW,
    3118: _LOCKED,
    3159: _PLAINTEXT_REFUSED,
    3955: _LOCKED,
    4151: _LOCKED,
}

_NAME_MISMATCH_CODES = frozenset({62, 64})
_UNTRUSTED_CODES = frozenset({2, 18, 19, 20, 21})
_TOO_EARLY_CODE = 9
_EXPIRED_CODE = 10


def is_clean_server_error(error: BaseException) -> bool:
    """Whether the server itself answered with an error and the connection is still in step."""
    code = _code(error)
    return code is not None and not 2000 <= code < 3000 and code not in _LOST_CODES


def translate(error: BaseException, target: Target) -> AltusError:
    """``error`` as the `TenantError` a person is told about; an `AltusError` stays as it is."""
    if isinstance(error, AltusError):
        return error
    code = _code(error)
    origin = None if is_clean_server_error(error) else _operating_system_error(error)
    if origin is not None:
        return _from_operating_system(origin, target, connecting=code not in _AT_WORK_CODES)
    if code is None:
        return _protocol(target)
    return _from_code(code, error, target)


def deadline_passed(target: Target, limit_s: float) -> TenantError:
    """The error for a server that took the call but did not finish signing in within ``limit_s``
    seconds."""
    return TenantError(
        TenantFailure.TIMEOUT,
        "“{host}” took the call but did not finish signing in within {limit_s} s.",
        hint="Something may listen there that is not MySQL, or the server hangs.",
        retryable=True,
        details={**_place(target), "limit_s": round(limit_s, 1)},
    )


def statement_overdue(target: Target, limit_s: float) -> TenantError:
    """The error for a statement that brought nothing within ``limit_s`` seconds."""
    return TenantError(
        TenantFailure.TIMEOUT,
        "“{host}” brought no answer within {limit_s} s and was told to stop.",
        hint="Use fewer or rarer words, or raise the query timeout. The server may also hang.",
        retryable=True,
        details={**_place(target), "limit_s": round(limit_s, 1)},
    )


def _from_code(code: int, error: BaseException, target: Target) -> TenantError:
    if code in _SERVER_CODES:
        return _build(_SERVER_CODES[code], target, code, _server_text(error))
    if code == 2026:
        return _build(_NO_ENCRYPTION, target, code)
    if code in (2059, 2061):
        return _sign_in_refused(error, target, code)
    if code in _LOST_CODES or 2000 <= code < 3000:
        return _build(_LOST, target, code)
    return _build(_UNEXPECTED, target, code, _server_text(error))


def _from_operating_system(error: OSError, target: Target, *, connecting: bool) -> TenantError:
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, target)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) and not connecting:
        return _build(_LOST, target)
    from altus4_desktop.driver.tls import WrongCertificate

    if isinstance(error, WrongCertificate):
        return TenantError(
            TenantFailure.TLS,
            "“{host}” showed another certificate than the pinned one; nothing was sent to it.",
            hint="If the server got a new certificate, compare the new fingerprint with whoever "
            "runs it and pin that. Otherwise somebody may be in between.",
            details={**_place(target), "fingerprint": str(error.args[1])},
        )
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or "handshake"
        return TenantError(
            TenantFailure.TLS,
            "No encrypted connection could be agreed with “{host}” ({reason}).",
            hint="It needs TLS 1.2 or newer, and may ask for a client certificate.",
            details={**_place(target), "reason": reason.replace("_", " ")},
        )
    sentence = _NOT_REACHED
    if isinstance(error, socket.gaierror):
        sentence = _NOT_FOUND
    elif isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        sentence = _SILENT
    elif isinstance(error, ConnectionRefusedError):
        sentence = _NOBODY_LISTENS
    elif isinstance(error, ConnectionError):
        sentence = _LOST
    elif isinstance(error, FileNotFoundError):
        sentence = _NO_SOCKET_FILE
    return _build(sentence, target)


def _certificate(error: OSError, target: Target) -> TenantError:
    number = int(getattr(error, "verify_code", 0))
    if number in _NAME_MISMATCH_CODES:
        sentence = "The certificate of “{host}” was issued for another name."
        hint = "Connect by the name in the certificate, or verify the authority only (verify-ca)."
    elif number == _EXPIRED_CODE:
        sentence = "The certificate of “{host}” has expired."
        hint = "Whoever runs the server has to renew it; check this computer's clock as well."
    elif number == _TOO_EARLY_CODE:
        sentence = "The certificate of “{host}” is not valid yet."
        hint = "Check this computer's clock."
    elif number in _UNTRUSTED_CODES:
        sentence = "The certificate of “{host}” was not issued by an authority you trust."
        hint = "Choose the server's CA file. If it is the right one, somebody may be in between."
    else:
        sentence = "The certificate of “{host}” cannot be verified."
        hint = "Choose the server's CA file, or ask whoever runs the server."
    return TenantError(TenantFailure.TLS, sentence, hint=hint, details=_place(target))


def _sign_in_refused(error: BaseException, target: Target, code: int) -> TenantError:
    from altus4_desktop.driver.wire import KeyRefused, SignInRefused

    if isinstance(error, SignInRefused):
        return TenantError(
            TenantFailure.DENIED,
            "“{host}” asked for a sign-in that would give the password away; it was not sent.",
            hint="Give the account caching_sha2_password (MySQL) or mysql_native_password "
            "(MariaDB). If it has one of these, this may not be your server.",
            server_code=code,
            details=_place(target),
        )
    if isinstance(error, KeyRefused):
        return TenantError(
            TenantFailure.TLS,
            "“{host}” needs the password itself, and the connection is not encrypted.",
            hint="Turn TLS on at the server, or on this computer alone set TLS to disabled.",
            server_code=code,
            details=_place(target),
        )
    return _build(_METHOD, target, code)


def _protocol(target: Target) -> TenantError:
    return TenantError(
        TenantFailure.PROTOCOL,
        "What answers at “{host}:{port}” does not speak MySQL as it should.",
        hint="Check host and port; a proxy or another program may be answering.",
        details=_place(target),
    )


def _build(
    sentence: _Sentence, target: Target, code: int | None = None, server_text: str = ""
) -> TenantError:
    failure, message, hint, retryable = sentence
    details = _place(target)
    if server_text:
        details["server_text"] = server_text
    return TenantError(
        failure, message, hint=hint, server_code=code, retryable=retryable, details=details
    )


def _place(target: Target) -> dict[str, Detail]:
    return {
        "connection": target.name,
        "host": target.host,
        "port": target.port,
        "database": target.database,
        "username": target.username,
    }


def _code(error: BaseException) -> int | None:
    """The error number of a PyMySQL error, None for anything else."""
    if not error.args or not isinstance(error.args[0], int):
        return None
    from pymysql.err import MySQLError

    if not isinstance(error, MySQLError) or error.args[0] < 0:
        return None
    # PyMySQL says 0 for a connection that is closed already.
    return int(error.args[0]) or _GONE_CODE


def _server_text(error: BaseException) -> str:
    text = str(error.args[1]) if len(error.args) > 1 else ""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain[:_SERVER_TEXT_LIMIT]


def _operating_system_error(error: BaseException) -> OSError | None:
    """The socket's own error, where PyMySQL wrapped one."""
    for cause in _causes(error):
        if isinstance(cause, OSError):
            return cause
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        wrapped = getattr(current, "original_exception", None)
        current = (
            wrapped if isinstance(wrapped, OSError) else current.__cause__ or current.__context__
        )
