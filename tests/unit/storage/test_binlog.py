"""Which statements in a binary log leave the store's tables alone."""

from __future__ import annotations

import pytest

from altus4_desktop.storage.binlog import _Elsewhere

_OWNER = "DEFINER=`a b`@`%`"


def takes(statement: str, default: str = "other") -> bool:
    """Whether all lines of ``statement`` belong to one that leaves the database ``meta`` alone."""
    elsewhere = _Elsewhere("meta")
    text = f"use `{default}`/*!*/;\n{statement}\n/*!*/;\n" if default else f"{statement}\n/*!*/;\n"
    return all(elsewhere.takes(line.encode()) for line in text.splitlines(keepends=True))


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE {_OWNER} TRIGGER `t` BEFORE UPDATE ON x FOR EACH ROW\nDELETE FROM `meta`.y",
        f"CREATE {_OWNER} TRIGGER IF NOT EXISTS t AFTER UPDATE ON x FOR EACH ROW SET @a=meta.f()",
        f"CREATE {_OWNER} EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM meta.y",
        f"CREATE {_OWNER} PROCEDURE `p`()\nDELETE FROM meta.y",
        f"CREATE ALGORITHM=UNDEFINED {_OWNER} SQL SECURITY DEFINER VIEW `v` AS select meta.y.a",
        "CREATE DATABASE `meta-2` CHARACTER SET utf8mb4",
        "DROP DATABASE IF EXISTS `my-meta`",
        "CREATE TABLE t (id INT)",
    ],
)
def test_what_is_made_elsewhere_may_name_the_store(statement: str) -> None:
    assert takes(statement)


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE {_OWNER} TRIGGER `meta`.t BEFORE UPDATE ON x FOR EACH ROW SET @a = 1",
        f"CREATE {_OWNER} TRIGGER meta . t BEFORE UPDATE ON x FOR EACH ROW SET @a = 1",
        f"CREATE {_OWNER} TRIGGER meta\n.t BEFORE UPDATE ON x FOR EACH ROW SET @a = 1",
        f"CREATE {_OWNER} TRIGGER meta/**/.t BEFORE UPDATE ON x FOR EACH ROW SET @a = 1",
        f"CREATE {_OWNER} TRIGGER IF NOT EXISTS meta.t BEFORE UPDATE ON x FOR EACH ROW SET @a = 1",
        f"CREATE {_OWNER} TRIGGER IF NOT/**/ EXISTS meta.t AFTER DELETE ON x FOR EACH ROW SET @a=1",
        f"CREATE {_OWNER} EVENT meta.e ON SCHEDULE EVERY 1 DAY DO SET @a = 1",
        "CREATE DATABASE `meta`",
        "DROP DATABASE IF EXISTS meta",
        "DROP TABLE other.t, meta-- x\n.t",
        "ALTER TABLE `meta`.t COMMENT 'x'",
        "RENAME TABLE t TO meta.t",
        "DELETE FROM v",
    ],
)
def test_what_could_reach_the_store_is_seen(statement: str) -> None:
    assert not takes(statement)
    assert not takes(statement, default="meta")


def test_what_is_run_in_the_store_is_seen_except_for_another_database() -> None:
    assert not takes("ALTER TABLE t COMMENT 'x'", default="meta")
    assert not takes(f"CREATE {_OWNER} PROCEDURE p() SELECT 1", default="meta")
    # Such a one is logged without a word on what was in use.
    assert takes("CREATE DATABASE `meta_side`", default="meta")
    assert not takes("ALTER DATABASE CHARACTER SET utf8mb4", default="meta")
    # Nor is one in use at the beginning of a file.
    assert not takes(f"CREATE {_OWNER} PROCEDURE p() DELETE FROM meta.y", default="")


def test_a_statement_ends_where_it_ends() -> None:
    elsewhere = _Elsewhere("meta")
    made = f"CREATE {_OWNER} PROCEDURE p()\nDELETE FROM meta.y\n/*!*/;\n"
    lines = f"use `other`/*!*/;\n{made}DROP TABLE meta.y\n".splitlines(keepends=True)
    *others, last = [elsewhere.takes(line.encode()) for line in lines]
    assert all(others)
    assert not last
