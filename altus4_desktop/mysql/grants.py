"""What an account may do, read from SHOW GRANTS: lines of MySQL 5.7 to 9 and of MariaDB."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.rights import AccountGrants, Grant, GrantLevel, Privilege
from altus4_desktop.driver.failures import translate
from altus4_desktop.mysql.quoting import quote

if TYPE_CHECKING:
    from altus4_desktop.mysql.session import TenantSession

_TOKEN = re.compile(
    r"""\s*(?:
        `(?P<back>(?:[^`]|``)*)`
      | '(?P<single>(?:[^'\\]|\\.|'')*)'
      | "(?P<double>(?:[^"\\]|\\.|"")*)"
      | (?P<mark>[(),.@*])
      | (?P<word>[^\s`'"(),.@*]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ROUTINES = frozenset({"PROCEDURE", "FUNCTION", "PACKAGE", "BODY", "LIBRARY"})
# What follows it is how the account proves who it is: nobody's business here.
_SECRET = re.compile(r"\bIDENTIFIED\b.*", re.IGNORECASE | re.DOTALL)

# More than any account has that a person looks after; the rest of what a server tells is counted.
_TEXT_AT_MOST = 2_000_000
_PRIVILEGES_AT_MOST = 20_000
_PRIVILEGES_OF_A_LINE = 500
_COLUMNS_OF_A_LINE = 10_000
_ROLES_AT_MOST = 100
_UNREAD_SHOWN = 20
_UNREAD_LENGTH = 200


class NotAGrantError(Exception):
    """A line that is not of the form that SHOW GRANTS has."""


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """Roles (name, host) that are given to somebody; ``role`` is a role that they are given to."""

    roles: tuple[tuple[str, str], ...]
    with_admin_option: bool = False
    role: str = ""


def read_grants(session: TenantSession, timeout_s: float | None = None) -> AccountGrants:
    """Everything the session's account may do, by itself and by every role it may take.

    Raises `TenantError`, `Cancelled`.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s

    def ask(statement: str, columns: int = 1) -> list[tuple[Any, ...]]:
        left_s = None if until is None else until - time.monotonic()
        rows = session.query(statement, timeout_s=left_s, tag="grants")
        if len(session.columns) != columns:
            raise translate(ValueError("not the columns asked for"), session.target)
        return rows

    accounts = ask("SELECT CURRENT_USER()")
    variables = ask(
        "SHOW VARIABLES WHERE Variable_name IN ('partial_revokes', 'lower_case_table_names')", 2
    )
    settings = {str(name): str(value) for name, value in variables}
    if session.flavour is Flavour.MARIADB:
        # Without a name it shows the roles that are taken, the roles within them, and PUBLIC.
        found = _parse(ask("SHOW GRANTS"))
        hidden = [name for name, _ in found.roles if name not in found.seen_roles]
    else:
        found = _parse(ask("SHOW GRANTS FOR CURRENT_USER()"))
        hidden = []
        if found.roles:
            names = ", ".join(f"{quote(name)}@{quote(host)}" for name, host in found.roles)
            found = _parse(ask(f"SHOW GRANTS FOR CURRENT_USER() USING {names}"))
    return AccountGrants(
        account=" ".join(str(account) for (account,) in accounts[:1]),
        flavour=session.flavour,
        version=session.version,
        grants=tuple(found.grants),
        roles=tuple(dict.fromkeys(name for name, _ in found.roles)),
        hidden_roles=tuple(dict.fromkeys(hidden)),
        unread=tuple(found.unread),
        unread_count=found.unread_count,
        literal_names=settings.get("partial_revokes", "").upper() in ("ON", "1"),
        ignores_case=settings.get("lower_case_table_names", "0") != "0",
    )


def parse_grant(line: str) -> Grant | RoleGrant | None:
    """What one line of SHOW GRANTS says; None for one that gives nothing (a default role).

    A grant without privileges is USAGE. Raises NotAGrantError for a line in an unknown form.
    """
    return _Line(line).read()


def redact_grant(line: str) -> str:
    """The line without the hash of a password, and not longer than anybody reads."""
    text = _SECRET.sub("…", line[: _UNREAD_LENGTH * 2])
    return text if len(text) <= _UNREAD_LENGTH else text[: _UNREAD_LENGTH - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a mark or a quoted name."""

    text: str
    quoted: bool = False

    def says(self, word: str) -> bool:
        return not self.quoted and self.text.upper() == word

    def is_mark(self, mark: str) -> bool:
        return not self.quoted and self.text == mark


@dataclass
class _Found:
    """What the lines said; ``seen_roles`` are those with a line of their own."""

    grants: list[Grant] = field(default_factory=list)
    roles: list[tuple[str, str]] = field(default_factory=list)
    seen_roles: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    unread_count: int = 0


def _parse(rows: Iterable[tuple[Any, ...]]) -> _Found:
    found = _Found()
    text_left, privileges_left = _TEXT_AT_MOST, _PRIVILEGES_AT_MOST
    for (value,) in rows:
        line = str(value)
        text_left -= len(line)
        try:
            if text_left < 0 or privileges_left < 0:
                raise NotAGrantError
            said = parse_grant(line)
        except NotAGrantError:
            found.unread_count += 1
            if len(found.unread) < _UNREAD_SHOWN:
                found.unread.append(redact_grant(line))
            continue
        match said:
            case RoleGrant():
                found.roles += said.roles
                privileges_left -= len(said.roles)
                if said.with_admin_option:
                    found.grants += [_passing_on(name, said.role) for name, _ in said.roles]
            case Grant():
                found.seen_roles.add(said.role)
                privileges_left -= len(said.privileges)
                if said.privileges or said.with_grant_option:
                    found.grants.append(said)
    roles = list(dict.fromkeys(found.roles))
    found.roles = roles[:_ROLES_AT_MOST]
    found.unread_count += len(roles) - len(found.roles)
    return found


def _passing_on(name: str, role: str) -> Grant:
    return Grant(GrantLevel.ROLE, (Privilege("ADMIN OPTION"),), name=name, role=role)


class _Line:
    """Reads one line from left to right."""

    def __init__(self, line: str) -> None:
        self._tokens = _split(line)
        self._at = 0

    def read(self) -> Grant | RoleGrant | None:
        first = self._take()
        if first.says("SET"):
            return None
        revoked = first.says("REVOKE")
        if not (revoked or first.says("GRANT")):
            raise NotAGrantError
        if self._has_object():
            return self._read_grant(revoked=revoked)
        return self._read_role_grant()

    def _has_object(self) -> bool:
        depth = 0
        for token in self._tokens:
            if token.quoted:
                continue
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0 and token.says("ON"):
                return True
        return False

    def _read_grant(self, *, revoked: bool) -> Grant:
        privileges = self._read_privileges()
        level, database, name = self._read_object(privileges)
        if not self._take().says("FROM" if revoked else "TO"):
            raise NotAGrantError
        role = self._read_receiver()
        option = self._ends_with("GRANT", "OPTION")
        if {privilege.name for privilege in privileges} == {"USAGE"}:
            privileges = ()
        return Grant(level, privileges, database, name, option, revoked, role)

    def _read_privileges(self) -> tuple[Privilege, ...]:
        found: list[Privilege] = []
        words: list[str] = []
        columns: tuple[str, ...] = ()

        def finish() -> None:
            nonlocal words, columns
            if not words or len(found) >= _PRIVILEGES_OF_A_LINE:
                raise NotAGrantError
            name = " ".join(words).upper().removesuffix(" PRIVILEGES")
            found.append(Privilege(name, columns))
            words, columns = [], ()

        while not (token := self._take()).says("ON"):
            if token.is_mark("("):
                columns = self._read_columns()
            elif token.is_mark(","):
                finish()
            elif token.quoted:
                raise NotAGrantError
            else:
                words.append(token.text)
        finish()
        return tuple(found)

    def _read_columns(self) -> tuple[str, ...]:
        names: list[str] = []
        while not (token := self._take()).is_mark(")"):
            if not token.is_mark(","):
                names.append(token.text)
        if len(names) > _COLUMNS_OF_A_LINE:
            raise NotAGrantError
        return tuple(names)

    def _read_object(self, privileges: tuple[Privilege, ...]) -> tuple[GrantLevel, str, str]:
        if any(privilege.name == "PROXY" for privilege in privileges):
            return GrantLevel.PROXY, "", self._read_account()[0]
        level = GrantLevel.TABLE
        while not self._peek().quoted and self._peek().text.upper() in ("TABLE", *_ROUTINES):
            if not self._take().says("TABLE"):
                level = GrantLevel.ROUTINE
        database = self._take()
        if not self._take().is_mark("."):
            raise NotAGrantError
        name = self._take()
        if name.is_mark("*"):
            if database.is_mark("*"):
                return GrantLevel.GLOBAL, "", ""
            return GrantLevel.DATABASE, database.text, ""
        return level, database.text, name.text

    def _read_role_grant(self) -> RoleGrant:
        accounts = [self._read_account()]
        while self._peek().is_mark(","):
            self._take()
            accounts.append(self._read_account())
        roles = tuple((name, host or "") for name, host in accounts)
        if not self._take().says("TO"):
            raise NotAGrantError
        receiver = self._read_receiver()
        return RoleGrant(roles, self._ends_with("ADMIN", "OPTION"), receiver)

    def _read_receiver(self) -> str:
        """The role that receives; "" for an account."""
        name, host = self._read_account()
        return "" if host is not None else name

    def _read_account(self) -> tuple[str, str | None]:
        """Name and host; a role of MariaDB has no host."""
        name = self._take()
        if self._at < len(self._tokens) and self._peek().is_mark("@"):
            self._take()
            return name.text, self._take().text
        return name.text, None

    def _ends_with(self, *words: str) -> bool:
        rest = [token.text.upper() for token in self._tokens[self._at :] if not token.quoted]
        return any(pair == words for pair in pairwise(rest))

    def _peek(self) -> _Token:
        if self._at >= len(self._tokens):
            raise NotAGrantError
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token


def _split(line: str) -> list[_Token]:
    tokens = []
    at = 0
    text = line.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotAGrantError
        at = found.end()
        if (name := found["back"]) is not None:
            tokens.append(_Token(name.replace("``", "`"), quoted=True))
        elif (name := found["single"]) is not None:
            tokens.append(_Token(_unescape(name, "'"), quoted=True))
        elif (name := found["double"]) is not None:
            tokens.append(_Token(_unescape(name, '"'), quoted=True))
        else:
            tokens.append(_Token(found["mark"] or found["word"]))
    return tokens


def _unescape(text: str, mark: str) -> str:
    # A database's pattern keeps its backslash before % and _.
    return re.sub(r"\\([^%_])", r"\1", text.replace(mark * 2, mark), flags=re.DOTALL)
