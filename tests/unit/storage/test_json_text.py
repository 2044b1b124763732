from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.storage.json_text import dump_json, load_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_it_is_the_json_that_everybody_reads(value: Any) -> None:
    assert load_json(dump_json(value)) == value
    assert json.loads(dump_json(value)) == value
    assert load_json(json.dumps(value)) == value


@pytest.mark.parametrize("value", ["\ud800", 2**70, {"a": ["\udc00", -(2**64)]}])
def test_what_python_takes_is_taken(value: Any) -> None:
    assert load_json(json.dumps(value)) == value
    assert load_json(dump_json(value)) == value


def test_what_is_no_utf_8_is_replaced() -> None:
    assert load_json(b'["\xff", "a"]') == ["\ufffd", "a"]


@pytest.mark.parametrize("text", ["", "{", "[1,]", "[" * 100_000, "\x00", None, 7, b"\xff"])
def test_what_is_no_json_is_nothing(text: Any) -> None:
    assert load_json(text) is None
