"""The language model behind semantic mode: loaded once, never waited for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ModelError
from altus4_desktop.services import language_model
from altus4_desktop.services.language_model import LanguageModel
from tests.waiting import wait_until


class Disk:
    """Loads the model as fast as a test wants."""

    def __init__(self) -> None:
        self.loads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.embedder = object()

    def load(self) -> Any:
        self.loads += 1
        self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        return self.embedder


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk()
    monkeypatch.setattr(language_model, "load_embedder", made.load)
    yield made
    made.gate.set()


def test_it_is_loaded_once_whoever_asks(disk: Disk) -> None:
    model = LanguageModel()
    disk.gate.clear()
    for _ in range(8):
        model.start()
    disk.gate.set()
    assert {id(model.get(CancelToken())) for _ in range(8)} == {id(disk.embedder)}
    assert disk.loads == 1


def test_a_disk_that_hangs_is_not_waited_for(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "MOST_WAIT_S", 0.05)
    model = LanguageModel()
    disk.gate.clear()
    with pytest.raises(ModelError, match="not loaded yet") as caught:
        model.get(CancelToken())
    assert caught.value.hint
    disk.gate.set()
    wait_until(lambda: not model._loading, timeout_s=5, what="the model")
    assert model.get(CancelToken()) is disk.embedder
    assert disk.loads == 1


def test_a_stopped_search_does_not_wait(disk: Disk) -> None:
    model, token = LanguageModel(), CancelToken()
    disk.gate.clear()
    threading.Timer(0.05, token.cancel).start()
    began = time.monotonic()
    with pytest.raises(ModelError):
        model.get(token)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("failure", [ModelError("It is damaged."), ValueError("odd")])
def test_what_failed_is_said_and_tried_again(disk: Disk, failure: Exception) -> None:
    model = LanguageModel()
    disk.failure = failure
    with pytest.raises(ModelError):
        model.get(CancelToken())
    disk.failure = None
    assert model.get(CancelToken()) is disk.embedder
    assert disk.loads == 2
