import uuid

import pytest

from altus4_desktop.domain import identity


def test_an_id_is_a_uuid_of_version_7() -> None:
    for _ in range(200):
        made = uuid.UUID(identity.time_ordered_id())
        assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_later_ids_sort_later(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter(range(1_700_000_000_000_000_000, 1_700_000_000_050_000_000, 1_000_000))
    monkeypatch.setattr("time.time_ns", lambda: next(instants))
    made = [identity.time_ordered_id() for _ in range(50)]
    assert made == sorted(made)
    assert len(set(made)) == 50
