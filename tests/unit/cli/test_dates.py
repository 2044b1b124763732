"""``--from`` and ``--to``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta, timezone

import pytest

from altus4_desktop.cli.dates import add_date_options, date_range
from altus4_desktop.domain.errors import InputError


def _range(*arguments: str) -> tuple[datetime | None, datetime | None]:
    parser = argparse.ArgumentParser()
    add_date_options(parser)
    return date_range(parser.parse_args(arguments))


def test_without_them_nothing_is_left_out() -> None:
    assert _range() == (None, None)


def test_a_day_is_whole_and_in_utc() -> None:
    first, last = _range("--from", "2026-01-30", "--to", "2026-01-31")
    assert first == datetime(2026, 1, 30, tzinfo=UTC)
    assert last == datetime(2026, 2, 1, tzinfo=UTC)


def test_an_instant_is_as_it_is_written() -> None:
    first, last = _range("--from", "2026-01-30T12:00:00+01:00", "--to", "2026-01-31T12:00:00")
    assert first == datetime(2026, 1, 30, 12, tzinfo=timezone(timedelta(hours=1)))
    assert last == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("option", ["from", "to"])
def test_what_is_no_date_is_told_with_its_option(option: str) -> None:
    with pytest.raises(InputError) as caught:
        _range(f"--{option}", "soon")
    assert caught.value.field == option
    assert str(caught.value) == f"--{option} soon is no date."
