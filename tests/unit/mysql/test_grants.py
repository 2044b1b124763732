"""Lines of SHOW GRANTS, as servers write them and as none does."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from altus4_desktop.domain.rights import Grant, GrantLevel, Privilege
from altus4_desktop.mysql.grants import (
    NotAGrantError,
    RoleGrant,
    parse_grant,
    redact_grant,
)

G, D, T = GrantLevel.GLOBAL, GrantLevel.DATABASE, GrantLevel.TABLE


def some(*names: str) -> tuple[Privilege, ...]:
    return tuple(Privilege(name) for name in names)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GRANT USAGE ON *.* TO `u`@`%`", Grant(G, ())),
        ("GRANT USAGE ON *.* TO `u`@`%` WITH GRANT OPTION", Grant(G, (), with_grant_option=True)),
        ("GRANT SELECT, LOCK TABLES ON *.* TO `u`@`%`", Grant(G, some("SELECT", "LOCK TABLES"))),
        (
            "GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `u`@`%` WITH GRANT OPTION",
            Grant(G, some("BACKUP_ADMIN", "XA_RECOVER_ADMIN"), with_grant_option=True),
        ),
        (
            "GRANT ALL PRIVILEGES ON `a\\_b\\%c`.* TO `u`@`%`",
            Grant(D, some("ALL"), "a\\_b\\%c"),
        ),
        (
            "GRANT SELECT ON 'it''s'.* TO 'u'@'%' IDENTIFIED BY PASSWORD '*00' WITH GRANT OPTION",
            Grant(D, some("SELECT"), "it's", with_grant_option=True),
        ),
        (
            'GRANT SELECT, SELECT (`c``1`, `d, "`), INSERT ON `odd``db`.`t.*` TO `u`@`%`',
            Grant(
                T,
                (Privilege("SELECT"), Privilege("SELECT", ("c`1", 'd, "')), Privilege("INSERT")),
                "odd`db",
                "t.*",
            ),
        ),
        (
            "GRANT EXECUTE ON PROCEDURE `d`.`PROCEDURE` TO `u`@`%`",
            Grant(GrantLevel.ROUTINE, some("EXECUTE"), "d", "PROCEDURE"),
        ),
        (
            "GRANT EXECUTE ON PACKAGE BODY `d`.`p` TO `u`@`%`",
            Grant(GrantLevel.ROUTINE, some("EXECUTE"), "d", "p"),
        ),
        (
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
            Grant(GrantLevel.PROXY, some("PROXY"), with_grant_option=True),
        ),
        (
            "GRANT PROXY ON `boss`@`%` TO `u`@`%`",
            Grant(GrantLevel.PROXY, some("PROXY"), name="boss"),
        ),
        (
            "REVOKE INSERT ON `plain`.* FROM `u`@`%`",
            Grant(D, some("INSERT"), "plain", revoked=True),
        ),
        ("GRANT SELECT ON `d`.* TO `reader`", Grant(D, some("SELECT"), "d", role="reader")),
        ("GRANT SELECT ON `d`.`t` TO PUBLIC", Grant(T, some("SELECT"), "d", "t", role="PUBLIC")),
        (
            "GRANT `o``dd`@`%`,`ON`@`%` TO `u`@`%`",
            RoleGrant((("o`dd", "%"), ("ON", "%"))),
        ),
        (
            "GRANT `inner` TO `outer` WITH ADMIN OPTION",
            RoleGrant((("inner", ""),), with_admin_option=True, role="outer"),
        ),
        ("SET DEFAULT ROLE `r1` FOR `u`@`%`", None),
    ],
)
def test_a_line(line: str, expected: Grant | RoleGrant | None) -> None:
    assert parse_grant(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GRANT",
        "GRANT SELECT ON `d",
        "GRANT SELECT ON `d`.*",
        "GRANT SELECT ON *.* FROM `u`@`%`",
        "GRANT ON *.* TO `u`@`%`",
        "GRANT SELECT, ON *.* TO `u`@`%`",
        "GRANT `r`",
        "DROP TABLE users",
        "GRANT " + "SELECT, " * 600 + "INSERT ON *.* TO `u`@`%`",
    ],
)
def test_what_is_none(line: str) -> None:
    with pytest.raises(NotAGrantError):
        parse_grant(line)


_WORDS = re.findall(
    r"\w+",
    "GRANT REVOKE SELECT INSERT ALL PRIVILEGES USAGE PROXY ON TO FROM TABLE PROCEDURE PUBLIC WITH"
    " OPTION ADMIN SET DEFAULT ROLE IDENTIFIED BY PASSWORD",
)
_PIECES = st.sampled_from(
    [
        *_WORDS,
        *("(", ")", ",", ".", "*", "@", "`", "``", "'", '"', "\\", "%", " ", "\n", "\0"),
        *("`a`", "`a`@`%`", "'x'", "*.*", "`d`.*", "`d`.`t`", "(`c`)"),
    ]
)


@given(st.one_of(st.text(), st.lists(_PIECES).map(" ".join), st.lists(_PIECES).map("".join)))
@example("GRANT SELECT ON '" + "\\" * 5000)
@example("GRANT SELECT (" + "(" * 5000)
@example("GRANT SELECT ON " + "`" * 5001)
def test_nothing_but_its_own_error(line: str) -> None:
    try:
        found = parse_grant(line)
    except NotAGrantError:
        return
    assert found is None or isinstance(found, Grant | RoleGrant)


_NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(_NAME, _NAME, st.lists(_NAME, min_size=1, max_size=3), _NAME)
def test_names_come_back_as_they_are(
    database: str, table: str, columns: list[str], username: str
) -> None:
    def quoted(name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    listed = ", ".join(map(quoted, columns))
    place = f"{quoted(database)}.{quoted(table)}"
    account = f"{quoted(username)}@`%`"
    assert parse_grant(f"GRANT SELECT ({listed}) ON {place} TO {account}") == Grant(
        T, (Privilege("SELECT", tuple(columns)),), database, table
    )
    assert parse_grant(f"GRANT {account} TO {account}") == RoleGrant(((username, "%"),))


def test_hashes_and_endless_lines_are_not_shown() -> None:
    hashed = "GRANT SOMETHING NEW TO `u`@`%` IDENTIFIED VIA ed25519 USING 'secret'"
    assert redact_grant(hashed) == "GRANT SOMETHING NEW TO `u`@`%` …"
    assert len(redact_grant("x" * 1_000_000)) == 200
