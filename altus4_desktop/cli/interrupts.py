"""Ctrl-C, as work that can be cancelled hears of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled


@contextmanager
def stopped_by_interrupt() -> Iterator[CancelToken]:
    """A token that the first Ctrl-C cancels; the second one ends the program, unless the token is
    held. Raises KeyboardInterrupt for work that was cancelled by it."""
    token = CancelToken()
    if threading.current_thread() is not threading.main_thread():
        yield token
        return
    is_asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked
        if not is_asked:
            is_asked = True
            # Not here: a handler may stand in the middle of a lock that cancelling needs.
            threading.Thread(target=token.cancel, name="altus4-interrupt", daemon=True).start()
        elif not token.is_held:
            signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield token
    except Cancelled:
        if is_asked:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
