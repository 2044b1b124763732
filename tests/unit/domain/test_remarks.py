"""Sentences that are told, not raised."""

from __future__ import annotations

from altus4_desktop.domain.remarks import Remark


def test_a_remark_is_its_template_filled_in() -> None:
    assert Remark("{count} rows in {name}", {"count": 2, "name": "notes"}).text == "2 rows in notes"


def test_braces_in_a_sentence_or_in_a_name_stand_for_themselves() -> None:
    assert Remark("as {it} is").text == "as {it} is"
    assert Remark("the table {name}", {"name": "{name}"}).text == "the table {name}"
