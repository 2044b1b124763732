"""Triggers of a dump on their way elsewhere: none leads back to where it was made."""

from __future__ import annotations

import pytest

from altus4_desktop.storage.dump_objects import ObjectReader, Rewriter

_WHO = b"DEFINER=`root`@`localhost`"


def change(text: bytes) -> bytes:
    rewriter = Rewriter(lambda _: True, events=False)
    return b"".join(rewriter.change(line) for line in text.splitlines(keepends=True))


def sums(text: bytes) -> object:
    reader = ObjectReader()
    for line in text.splitlines(keepends=True):
        reader.take(line)
    return reader.sums()


@pytest.mark.parametrize(
    ("made", "sent"),
    [
        ("`live`.`t` BEFORE INSERT ON `live`.`x` FOR", "`t` BEFORE INSERT ON `x` FOR"),
        ("live.t before insert\non  live . x\nfor", "t before insert\non  x\nfor"),
        ("t AFTER UPDATE ON `li``ve`.x FOR", "t AFTER UPDATE ON x FOR"),
        ("t AFTER DELETE ON x FOR", "t AFTER DELETE ON x FOR"),
        ("`a.b`.t /* ON a.b */\nBEFORE INSERT ON\n-- so\nlive.x FOR", None),
        ('"live"."t" BEFORE INSERT ON "live"."x" FOR', '"t" BEFORE INSERT ON "x" FOR'),
    ],
)
@pytest.mark.parametrize("exists", [b"", b"IF NOT EXISTS "])
def test_a_trigger_is_made_in_the_database_in_use(
    made: str, sent: str | None, exists: bytes
) -> None:
    if sent is None:
        sent = "t /* ON a.b */\nBEFORE INSERT ON\n-- so\nx FOR"
    body = b" EACH ROW BEGIN\n  INSERT INTO live.log VALUES ('TRIGGER a.b AFTER X ON a.c FOR');\n"
    head = b"/*!50003 CREATE*/ /*!50017 " + _WHO + b"*/ /*!50003 TRIGGER " + exists
    dumped, wanted = (
        head + text.encode() + body + b"END */;;\nDELIMITER ;\n" for text in (made, sent)
    )
    assert change(dumped) == wanted
    # What comes out of a trial is told in the same words.
    assert sums(dumped) == sums(wanted)
    shown = b"CREATE " + _WHO + b" TRIGGER " + exists
    defined = Rewriter(lambda _: False, events=False).define(shown + made.encode() + body)
    assert defined == b"CREATE TRIGGER " + exists + sent.encode() + body


def test_what_is_no_trigger_is_sent_line_by_line() -> None:
    text = (
        b"CREATE " + _WHO + b" PROCEDURE `p`() SELECT 'TRIGGER a.b BEFORE INSERT ON c.d FOR ' ;;\n"
        b"INSERT INTO `x` VALUES ('TRIGGER a.b BEFORE INSERT ON c.d FOR');\n"
    )
    assert change(text) == text


def test_a_head_that_cannot_be_read_holds_nothing_back() -> None:
    text = b"/*!50003 CREATE*/ /*!50003 TRIGGER `t` SOMETIMES\n" + b"SET @a = 1;\n" * 9 + b"*/;;\n"
    assert change(text) == text
