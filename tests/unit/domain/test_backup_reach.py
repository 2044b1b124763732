"""Which instants can be restored, against asking each second of a small world."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.backup_reach import BackupReach, find_spans
from tests.unit.domain.test_backups import a_backup

_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_LENGTH = 40
_SECONDS = st.integers(0, _LENGTH)


def at(second: int) -> datetime:
    return _BEGIN + timedelta(seconds=second)


@given(st.lists(_SECONDS, max_size=5), st.lists(_SECONDS, max_size=4))
def test_a_second_is_in_reach_when_a_log_leads_there_uncut(made: list[int], cut: list[int]) -> None:
    backups = [a_backup(number, at(second)) for number, second in enumerate(made)]
    reach = BackupReach(at(_LENGTH), find_spans(backups, [at(one) for one in cut], at(_LENGTH)))
    for second in range(_LENGTH + 1):
        # Nothing is gained by a log of no length: that instant is the backup's own.
        leads = [
            one
            for one in made
            if one <= second and not any(one < it < second for it in cut) and one < _LENGTH
        ]
        span = reach.find_span(at(second))
        assert (span is None) is (not leads)
        if span is not None:
            assert span.begins_at == at(max(leads))
        assert any(first <= at(second) <= last for first, last in reach.bands) is bool(leads)
    bands = reach.bands
    assert all(one[1] < other[0] for one, other in pairwise(bands))


def test_what_was_written_while_it_was_copied_is_not_in_reach() -> None:
    backup = replace(a_backup(1, at(0)), copied_at=at(9))
    (span,) = find_spans([backup], [at(5)], at(20))
    assert (span.backup_id, span.begins_at, span.ends_at) == (backup.id, at(9), at(20))
    reach = BackupReach(at(20), (span,))
    assert reach.of_backup(backup.id) == span
    assert reach.of_backup("another") is None
    assert reach.find_span(at(8)) is None
