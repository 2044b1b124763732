"""What grants mean for an account that is meant to search one database."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.rights import AccountGrants, Grant, RightsReport, Weight
from altus4_desktop.mysql.grants import parse_grant
from altus4_desktop.services.rights_words import cautions, explain, verdict

TO = "TO `u`@`%`"


def account(*lines: str, **facts: object) -> AccountGrants:
    grants = [parse_grant(line) for line in lines]
    given = tuple(grant for grant in grants if isinstance(grant, Grant))
    return AccountGrants("u@%", Flavour.MYSQL, "9.7.0", given, **facts)  # type: ignore[arg-type]  # of any type


def weights(report: RightsReport) -> Sequence[tuple[str, str, str, Weight]]:
    return [
        (line.privilege, line.words.text, line.place.text, line.weight) for line in report.lines
    ]


@pytest.mark.parametrize("place", ["`sales\\_eu`.*", "`sales_eu`.*", "`sales_eu`.`orders`"])
def test_what_searching_needs_is_minimal(place: str) -> None:
    report = explain(account(f"GRANT SELECT, SHOW VIEW ON {place} {TO}"), "sales_eu")
    assert report.is_minimal
    assert report.weight is Weight.NEEDED
    assert verdict(report).text == "The account may do what searching needs, and nothing more."


@pytest.mark.parametrize(
    ("line", "privilege", "words", "place", "weight"),
    [
        (
            f"GRANT SELECT ON *.* {TO}",
            "SELECT",
            "Read rows",
            "every database",
            Weight.READS_MORE,
        ),
        (
            f"GRANT SELECT ON `hr`.* {TO}",
            "SELECT",
            "Read rows",
            "the database hr",
            Weight.READS_MORE,
        ),
        (
            f"GRANT SELECT ON `sal%`.* {TO}",
            "SELECT",
            "Read rows",
            "every database named like sal%",
            Weight.READS_MORE,
        ),
        (
            f"GRANT UPDATE (`pay`, `bonus`) ON `sales`.`staff` {TO}",
            "UPDATE",
            "Change rows",
            "columns pay, bonus of sales.staff",
            Weight.CHANGES,
        ),
        (
            f"GRANT EXECUTE ON PROCEDURE `sales`.`tidy` {TO}",
            "EXECUTE",
            "Run stored programs, which may change data",
            "the stored program sales.tidy",
            Weight.CHANGES,
        ),
        (
            f"GRANT ALL PRIVILEGES ON `a\\_b`.* {TO}",
            "ALL",
            "Do everything",
            "the database a_b",
            Weight.RULES,
        ),
        (
            f"GRANT USAGE ON *.* {TO} WITH GRANT OPTION",
            "GRANT OPTION",
            "Pass its own rights on to others",
            "every database",
            Weight.RULES,
        ),
        (
            f"GRANT CLONE_ADMIN ON *.* {TO}",
            "CLONE_ADMIN",
            "CLONE_ADMIN, an administrative right",
            "every database",
            Weight.RULES,
        ),
        (
            f"GRANT PROXY ON ''@'%' {TO}",
            "PROXY",
            "Act as another account",
            "every account",
            Weight.RULES,
        ),
    ],
)
def test_more_than_that(line: str, privilege: str, words: str, place: str, weight: Weight) -> None:
    needed = f"GRANT SELECT ON `sales`.* {TO}"
    report = explain(account(needed, line), "sales")
    assert (privilege, words, place, weight) in weights(report)
    assert report.weight is weight
    assert not report.is_minimal
    assert report.lines[-1].weight is Weight.NEEDED
    assert [line.weight for line in report.excess] == [weight]


def test_the_verdict_names_the_heaviest() -> None:
    lines = [f"GRANT SELECT ON *.* {TO}"]
    assert (
        verdict(explain(account(*lines), "d")).text == "The account may read more than “d” alone."
    )
    lines.append(f"GRANT INSERT, DELETE ON `d`.* {TO}")
    assert (
        "may change data, not only read. Rights beyond searching: 3."
        in verdict(explain(account(*lines), "d")).text
    )
    lines.append(f"GRANT SUPER ON *.* {TO}")
    assert (
        "may administer, not only read. Rights beyond searching: 4."
        in verdict(explain(account(*lines), "d")).text
    )


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ((), True),
        ((f"GRANT SELECT ON `other`.* {TO}",), True),
        ((f"GRANT SHOW VIEW ON `sales`.* {TO}",), True),
        ((f"GRANT SELECT ON `sales`.`t` {TO}",), False),
        ((f"GRANT SELECT (`a`) ON `sales`.`t` {TO}",), False),
        ((f"GRANT SELECT ON *.* {TO}",), False),
        ((f"GRANT SELECT ON *.* {TO}", "REVOKE SELECT ON `sales`.* FROM `u`@`%`"), True),
        ((f"GRANT SELECT ON *.* {TO}", "REVOKE SELECT ON `mysql`.* FROM `u`@`%`"), False),
        (
            (
                f"GRANT SELECT ON *.* {TO}",
                "REVOKE SELECT ON `sales`.* FROM `u`@`%`",
                f"GRANT SELECT ON `sales`.`t` {TO}",
            ),
            False,
        ),
    ],
)
def test_what_is_missing(lines: tuple[str, ...], missing: bool) -> None:
    report = explain(account(*lines), "sales")
    assert report.missing == (("SELECT",) if missing else ())
    if missing:
        assert verdict(report).text == "The account may not read “sales”."


@pytest.mark.parametrize(
    ("pattern", "database", "literal", "covers"),
    [
        ("s_les", "sales", False, True),
        ("s\\_les", "sales", False, False),
        ("s\\_les", "s_les", False, True),
        ("s_les", "sales", True, False),
        ("s%", "sales", True, False),
        ("SALES", "sales", False, False),
        ("%s", "sales", False, True),
        ("%a%e%", "sales", False, True),
        ("%x%", "sales", False, False),
        ("", "sales", False, False),
        ("sales\\", "sales\\", False, True),
    ],
)
def test_patterns(pattern: str, database: str, literal: bool, covers: bool) -> None:
    grants = account(f"GRANT SELECT ON `{pattern}`.* {TO}", literal_names=literal)
    assert (not explain(grants, database).missing) is covers


def test_a_server_that_ignores_case() -> None:
    grants = account(f"GRANT SELECT ON `sales`.* {TO}", ignores_case=True)
    assert explain(grants, "Sales").is_minimal


def test_a_hostile_pattern_costs_no_time() -> None:
    began = time.monotonic()
    for pattern in ("%a" * 100, "%" * 1_000_000):
        assert explain(account(f"GRANT SELECT ON `{pattern}`.* {TO}"), "a" * 63 + "b").missing
    assert time.monotonic() - began < 2


def test_what_stays_in_the_dark_is_not_minimal() -> None:
    needed = f"GRANT SELECT ON `d`.* {TO}"
    hidden = explain(account(needed, roles=("a", "b"), hidden_roles=("b",)), "d")
    strange = explain(account(needed, unread=("GRANT ?",), unread_count=3), "d")
    for report in (hidden, strange):
        assert not report.is_minimal
        assert "Not everything" in verdict(report).text
    assert [remark.text for remark in cautions(hidden)] == [
        "It may take roles without seeing what they allow: b."
    ]
    assert [remark.text for remark in cautions(strange)] == [
        "Grants that this program does not understand: 3."
    ]
