"""Ctrl-C: the first one cancels, the second one ends the program."""

from __future__ import annotations

import signal

import pytest

from altus4_desktop.cli.interrupts import stopped_by_interrupt
from altus4_desktop.domain.errors import Cancelled


def interrupted(times: int) -> None:
    with stopped_by_interrupt() as token:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            assert token.wait(5)
        token.raise_if_cancelled()


def test_the_second_one_ends_the_program() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupted(2)
    assert signal.getsignal(signal.SIGINT) is before


def test_work_that_heeds_the_first_one_was_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(1)
    with pytest.raises(Cancelled), stopped_by_interrupt():
        raise Cancelled


def test_none_breaks_what_is_held() -> None:
    with stopped_by_interrupt() as token:
        with token.held():
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
            assert token.wait(5)
        assert token.cancelled
