"""Which names are time zones."""

from __future__ import annotations

import pytest

from altus4_desktop.domain import time_zones
from altus4_desktop.domain.time_zones import is_time_zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Lisbon", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_zones(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize("name", ["", "Mars/Base", "UTC+05:30", "../etc/passwd", "Mars; DROP"])
def test_no_zones(name: str) -> None:
    assert not is_time_zone(name)


def test_without_a_list_of_zones_the_form_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_zones, "_known", frozenset)
    assert is_time_zone("Mars/Base")
    assert not is_time_zone("Mars; DROP")
