"""The history's writer: never in the way, never silent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.errors import AccessError, AltusError, NotFoundError, StoreError
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.services.history import HistoryService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from tests.records import a_search, a_user
from tests.waiting import wait_until


class Repository:
    """Keeps what it is given, once it may."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.failure: Exception | None = None
        self.transactions = 0
        self.most = 100

    def add_(self, *records: SearchRecord) -> None:
        assert self.may_write.wait(10)
        self.transactions += 1
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if any(record.user_id == "nobody" for record in records):
            raise NotFoundError("There is no such user.")
        if len(records) > self.most:
            raise StoreError("The disk {is} full.")
        self.kept += [record.id for record in records]


class Metadata:
    """What the history needs of the metadata service."""

    def __init__(self) -> None:
        self.searches = Repository()

    @property
    def store(self) -> Metadata:
        return self


@pytest.fixture
def metadata() -> Metadata:
    return Metadata()


@pytest.fixture
def problems() -> list[AltusError]:
    return []


@pytest.fixture
def history(metadata: Metadata, problems: list[AltusError]) -> Iterator[HistoryService]:
    store = cast("MetadataService", metadata)
    service = HistoryService(store, Permissions(store), problems.append)
    yield service
    metadata.searches.may_write.set()
    service.close_()


def record(number: int) -> SearchRecord:
    return SearchRecord(str(number), "ada", None, "apple", SearchMode.NATURAL)


def test_records_are_written_in_order_and_closing_waits_for_them(
    history: HistoryService, metadata: Metadata
) -> None:
    for number in range(50):
        history.record(record(number))
    assert history.close_()
    assert metadata.searches.kept == [str(number) for number in range(50)]


def test_recording_does_not_wait_for_the_store(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    for number in range(1_100):
        history.record(record(number))
    # Some are in the writer's hands, a thousand wait, the rest is told of once.
    assert [problem.code for problem in problems] == ["store.history"]
    assert "{" not in problems[0].message
    metadata.searches.may_write.set()
    wait_until(lambda: len(metadata.searches.kept) >= 1_000, timeout_s=10, what="the history")
    metadata.searches.may_write.clear()
    for number in range(1_200):
        history.record(record(number))
    assert len(problems) == 2, "the next time it is told again"
    metadata.searches.may_write.set()
    assert history.close_(10)
    assert 2_000 <= len(metadata.searches.kept) <= 2_200
    assert metadata.searches.transactions < 100, "many are kept at once"


def test_the_others_are_kept_beside_one_that_cannot_be(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    for number in range(20):
        history.record(replace(record(number), user_id="nobody" if number == 7 else "ada"))
    metadata.searches.may_write.set()
    assert history.close_()
    assert metadata.searches.kept == [str(number) for number in range(20) if number != 7]
    assert [problem.message for problem in problems] == ["There is no such user."]


def test_several_that_fail_are_told_together_with_why(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    metadata.searches.most = 1
    for number in range(20):
        history.record(record(number))
    metadata.searches.may_write.set()
    assert history.close_()
    assert {problem.hint for problem in problems} == {"The disk {is} full."}
    lost = sum(int(str(problem.details["count"])) for problem in problems)
    assert len(metadata.searches.kept) + lost == 20


def test_the_log_has_whole_sentences(
    history: HistoryService, metadata: Metadata, caplog: pytest.LogCaptureFixture
) -> None:
    metadata.searches.may_write.clear()
    history.record(record(1))
    history.record(record(2))
    assert not history.close_(0.05)
    assert "{" not in caplog.text
    assert "Searches that could not be written to the history: " in caplog.text


def test_a_store_that_hangs_does_not_hold_up_closing(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    history.record(record(1))
    assert not history.close_(0.05)
    assert [problem.code for problem in problems] == ["store.history"]


@pytest.mark.parametrize("failure", [StoreError("The disk is full."), RuntimeError("a bug")])
def test_a_failure_is_told_and_the_next_record_is_written(
    history: HistoryService,
    metadata: Metadata,
    problems: list[AltusError],
    failure: Exception,
) -> None:
    metadata.searches.failure = failure
    history.record(record(1))
    wait_until(lambda: problems, timeout_s=10, what="the problem")
    history.record(record(2))
    assert history.close_()
    assert metadata.searches.kept == ["2"]
    assert len(problems) == 1
    assert isinstance(problems[0], StoreError)


def test_after_closing_it_can_be_used_again(history: HistoryService, metadata: Metadata) -> None:
    assert history.close_()
    history.record(record(1))
    assert history.close_()
    history.record(record(2))
    assert history.close_()
    assert metadata.searches.kept == ["1", "2"]


def test_whose_searches_are_read_and_deleted(tmp_path: Path) -> None:
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        store, history = services.metadata.store, services.history
        boss, bob = a_user(role=Role.ADMIN), a_user()
        for user in (boss, bob):
            store.users.create_(user, "x")
            for number in range(3):
                store.searches.add_(a_search(user, f"apple {number}"))
        assert len(history.list_(boss.as_actor())) == 6
        assert len(history.list_(bob.as_actor())) == 3
        assert len(history.recent(boss.as_actor())) == 3
        by_key = replace(boss.as_actor(), key_permissions=frozenset({KeyPermission.SEARCH}))
        assert len(history.list_(by_key)) == 3
        with pytest.raises(AccessError):
            history.delete_(by_key)
        with pytest.raises(AccessError):
            history.list_(replace(bob.as_actor(), user_id="nobody"))
        theirs = [record.id for record in history.list_(boss.as_actor())]
        assert history.delete_(bob.as_actor(), theirs) == 3
        assert history.delete_(bob.as_actor(), theirs) == 0
        assert history.delete_(bob.as_actor()) == 0
        assert len(history.list_(boss.as_actor())) == 3
        (told,) = store.audit.list_(AuditQuery(action="history"))
        assert (told.event.action, told.event.actor_id) == ("history.deleted", bob.id)
        assert told.event.details == {"before": {"searches": 6}}
