"""Pipes to a program that end when nothing has passed for too long."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER = 1 << 16
_LOOKS = 4


class QuietClock:
    """Within its block calls ``give_up``, once, when somebody has been `waiting` for longer than
    ``limit_s`` in one go."""

    def __init__(self, limit_s: float, give_up: Callable[[], None]) -> None:
        self._limit_s = limit_s
        self._give_up = give_up
        self._since: float | None = None
        self._over = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, name="altus-quiet", daemon=True)
        self.expired = False

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._watchdog.join()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within the block the other side has to do something."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def _watch(self) -> None:
        while not self._over.wait(min(1.0, self._limit_s / _LOOKS)):
            since = self._since
            if since is not None and time.monotonic() - since > self._limit_s:
                self.expired = True
                self._give_up()
                return


class _Watched(io.RawIOBase):
    """A pipe whose every read and write is something to wait for."""

    def __init__(self, pipe: io.RawIOBase, clock: QuietClock) -> None:
        self._pipe = pipe
        self._clock = clock

    def readable(self) -> bool:
        return self._pipe.readable()

    def writable(self) -> bool:
        return self._pipe.writable()

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        with self._clock.waiting():
            return cast("io.FileIO", self._pipe).readinto(buffer)

    def write(self, data: ReadableBuffer) -> int | None:
        with self._clock.waiting():
            return self._pipe.write(data)

    def close(self) -> None:
        self._pipe.close()
        super().close()


def watched_reader(pipe: IO[bytes], clock: QuietClock) -> io.BufferedReader:
    """What ``pipe``, of which nothing was read yet, gives; closing it closes that."""
    return io.BufferedReader(_Watched(_raw(pipe), clock), _BUFFER)


def watched_writer(pipe: IO[bytes], clock: QuietClock) -> io.BufferedWriter:
    """Writes into ``pipe``; closing it closes that."""
    return io.BufferedWriter(_Watched(_raw(pipe), clock), _BUFFER)


def _raw(pipe: IO[bytes]) -> io.RawIOBase:
    return cast("io.RawIOBase", cast("io.BufferedReader", pipe).raw)
