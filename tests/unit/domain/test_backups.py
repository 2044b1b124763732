"""Which backups go, whatever the clock says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.backups import (
    ALWAYS_KEPT,
    Backup,
    BackupReason,
    BackupState,
    choose_expired,
)

_BEGIN = datetime(2026, 1, 1, 3, tzinfo=UTC)
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)


def a_backup(sequence: int, at: datetime, state: BackupState = BackupState.GOOD) -> Backup:
    return Backup(
        id=f"{sequence}",
        sequence=sequence,
        created_at=at,
        reason=BackupReason.DAILY,
        store="",
        dialect="sqlite",
        server_version="",
        app_version="",
        revision="0001",
        file_name="x",
        sha256="",
        size_bytes=1,
        content_bytes=1,
        tables=(),
        verified_at=at if state is BackupState.GOOD else None,
        problem="broken" if state is BackupState.BAD else "",
    )


class Folder:
    """What is kept, with the true time of each, which only the test knows."""

    def __init__(self) -> None:
        self.kept: dict[str, Backup] = {}
        self.true: dict[str, datetime] = {}
        self.wrong: dict[str, timedelta] = {}
        self.sequence = 0

    def add(self, at: datetime, shown: datetime, state: BackupState = BackupState.GOOD) -> None:
        self.sequence += 1
        backup = a_backup(self.sequence, shown, state)
        self.kept[backup.id] = backup
        self.true[backup.id] = at
        self.wrong[backup.id] = shown - at

    def prune(self, at: datetime, shown: datetime) -> None:
        good = self.good
        for backup in choose_expired(tuple(self.kept.values()), shown):
            jumps = self.jumps_after(backup, shown - at)
            # Of several jumps forward each but one looks like a week.
            least = 30 * _DAY - max(jumps - 1, 0) * 7 * _DAY
            assert at - self.true[backup.id] > least, "it was not old enough"
            del self.kept[backup.id]
        assert good[-ALWAYS_KEPT:] == self.good[-ALWAYS_KEPT:]

    def jumps_after(self, backup: Backup, now: timedelta) -> int:
        """How often the clock jumped forward after ``backup``, which is wrong by ``now`` now."""
        made = [wrong for number, wrong in self.wrong.items() if int(number) >= backup.sequence]
        return sum(later > before for before, later in pairwise([*made, now]))

    @property
    def good(self) -> list[Backup]:
        return [one for one in self.kept.values() if one.state is BackupState.GOOD]


def test_400_days_keep_30_and_no_more() -> None:
    folder = Folder()
    for day in range(400):
        at = _BEGIN + day * _DAY
        folder.add(at, at)
        folder.prune(at, at)
        assert len(folder.kept) == min(day + 1, 31)


@pytest.mark.parametrize("jump", [_YEAR, -_YEAR])
@pytest.mark.parametrize("back_on", [101, 130, None])
def test_a_clock_that_jumps_removes_nothing_too_early(jump: timedelta, back_on: int | None) -> None:
    folder = Folder()
    for day in range(400):
        at = _BEGIN + day * _DAY
        wrong = day >= 100 and (back_on is None or day < back_on)
        shown = at + jump if wrong else at
        folder.add(at, shown)
        folder.prune(at, shown)
    assert len(folder.kept) == 31, "what the jump has kept goes later on"


def test_40_failing_days_cost_no_good_one() -> None:
    folder = Folder()
    for day in range(100):
        at = _BEGIN + day * _DAY
        if not 20 <= day < 60:
            folder.add(at, at)
        folder.prune(at, at)
        if 20 <= day < 60:
            assert len(folder.kept) == 20
    for day in range(100, 140):
        at = _BEGIN + day * _DAY
        folder.add(at, at)
        folder.prune(at, at)
    assert len(folder.kept) == 31


@pytest.mark.parametrize("days", [8, 10, 30])
def test_backups_that_are_made_rarely_go_as_well(days: int) -> None:
    folder = Folder()
    for number in range(40):
        at = _BEGIN + number * days * _DAY
        folder.add(at, at)
        folder.prune(at, at)
    assert len(folder.kept) == 6


def test_the_last_three_good_ones_stay_however_old_they_are() -> None:
    backups = [a_backup(number, _BEGIN + number * _DAY) for number in range(1, 6)]
    backups += [a_backup(n, _BEGIN + n * _DAY, BackupState.BAD) for n in range(6, 60)]
    expired = choose_expired(backups, _BEGIN + 60 * _DAY)
    assert [one.sequence for one in expired if one.state is BackupState.GOOD] == [1, 2]


def test_bad_ones_after_the_last_good_one_go_at_the_same_age() -> None:
    backups = [a_backup(number, _BEGIN + number * _DAY) for number in range(3)]
    backups += [a_backup(n, _BEGIN + n * _DAY, BackupState.BAD) for n in range(3, 60)]
    backups += [a_backup(n, _BEGIN + n * _DAY, BackupState.UNVERIFIED) for n in range(60, 80)]
    expired = choose_expired(backups, _BEGIN + 80 * _DAY)
    assert [backup.sequence for backup in expired] == list(range(3, 50))


def test_a_bad_one_whose_place_is_not_known_is_as_old_as_it_says() -> None:
    backups = [a_backup(number, _BEGIN + number * _DAY) for number in range(1, 41)]
    unreadable = a_backup(0, _BEGIN + 39 * _DAY, BackupState.BAD)
    assert unreadable not in choose_expired([*backups, unreadable], _BEGIN + 40 * _DAY)
    assert unreadable in choose_expired([*backups, unreadable], _BEGIN + 75 * _DAY)


def test_without_a_good_one_nothing_goes() -> None:
    states = (BackupState.UNVERIFIED, BackupState.BAD)
    backups = [a_backup(n, _BEGIN + n * _DAY, states[n % 2]) for n in range(90)]
    assert choose_expired(backups, _BEGIN + 90 * _DAY) == ()
    # The newest one turns out to be broken: what was kept because of it is still there.
    good = [replace(backup, problem="", verified_at=_BEGIN) for backup in backups]
    broken = [*good[:-1], replace(good[-1], problem="broken")]
    kept = {one.id for one in broken} - {
        one.id for one in choose_expired(broken, _BEGIN + 90 * _DAY)
    }
    assert {"86", "87", "88"} <= kept


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(list(BackupState)),
        st.sampled_from([None, None, None, _YEAR, -_YEAR, timedelta()]),
    ),
    max_size=80,
)


@given(_STEPS)
def test_whatever_happens_the_last_good_ones_stay_and_nothing_young_goes(
    steps: list[tuple[int, BackupState, timedelta | None]],
) -> None:
    folder = Folder()
    at, wrong = _BEGIN, timedelta()
    for days, state, jump in steps:
        at += days * _DAY
        if jump is not None:
            wrong = jump
        folder.add(at, at + wrong, state)
        folder.prune(at, at + wrong)
