"""The language model behind semantic mode: loaded once, never waited for long."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ModelError
from altus4_desktop.services import language_model
from altus4_desktop.services.language_model import LanguageModel
from tests.servers import PROJECT
from tests.waiting import wait_until

# In a process of its own: every look at a socket, on whichever thread, ends it.
_GUARDED = """
import os, sys
def guard(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.")):
        os.write(2, f"network: {event}".encode())
        os._exit(7)
sys.addaudithook(guard)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.search.ranking.question import read_question
from altus4_desktop.search.ranking.ranker import Ranker
from altus4_desktop.search.ranking.records import Candidate, SourceCandidates, TermStatistics
from altus4_desktop.search.stemming import get_stemmer
from altus4_desktop.services.language_model import LanguageModel
model = LanguageModel()
model.start()
embedder = model.get(CancelToken())
question = read_question("lighthouse keepers", get_stemmer("en").stem, "en")
rows = [
    Candidate((at,), {"a": text}, question.analyser.counts(text), 3, at)
    for at, text in enumerate(["a lighthouse keeper", "a lamp of the lighthouse"])
]
source = SourceCandidates(("t",), "ft", rows, TermStatistics(2, 3, {}))
ranked = Ranker(question, embedder).rank([source]).rows
assert [row.meaning is not None for row in ranked] == [True, True]
os.write(1, b"ranked")
"""


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


def test_loading_ahead_and_ranking_touch_no_socket() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _GUARDED],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ranked"), done.stderr
