"""Backups behind everybody's back: whenever one is due, while the program runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled

_LOG = logging.getLogger(__name__)
# The first look leaves the window alone while it opens.
FIRST_S = 60.0
LOOK_EVERY_S = 600.0
RETRY_S = 3600.0
HOURLY_RETRIES = 3
LATER_RETRY_S = 86400.0
_CLOSE_WAIT_S = 5.0


class BackupUpkeep:
    """Calls ``make_due``, which finds out what is due, on a thread of its own: every ten minutes;
    an hour after each of three failures in a row, and a day after each further one."""

    def __init__(self, make_due: Callable[[CancelToken], object]) -> None:
        self._make_due = make_due
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._token = CancelToken()
        self._worker: threading.Thread | None = None

    def start(self, first_s: float = FIRST_S) -> None:
        """Begin, with the first look after ``first_s`` seconds; not twice."""
        with self._lock:
            if self._worker is not None and self._worker.is_alive():
                return
            self._token = CancelToken()
            self._awake.clear()
            self._worker = threading.Thread(
                target=self._work, args=(self._token, first_s), name="altus4-backups", daemon=True
            )
            self._worker.start()

    def wake(self) -> None:
        """Look now."""
        self._awake.set()

    def close_(self) -> None:
        """Stop; what is under way is cancelled."""
        with self._lock:
            worker, self._worker = self._worker, None
            self._token.cancel()
            self._awake.set()
        if worker is not None:
            worker.join(_CLOSE_WAIT_S)

    def _work(self, token: CancelToken, first_s: float) -> None:
        wait_s = first_s
        failures = 0
        while True:
            self._awake.wait(wait_s)
            self._awake.clear()
            if token.cancelled:
                return
            try:
                self._make_due(token)
                failures = 0
            except Cancelled:
                return
            except AltusError as error:
                failures += 1
                _LOG.warning("backup: %s [%s]", error.template, error.code)
            except Exception:
                # The worker must outlive a bug of ours: later backups are to be made.
                failures += 1
                _LOG.exception("a backup could not be made")
            wait_s = wait_after(failures)


def wait_after(failures: int) -> float:
    """How long to wait for the next look after so many failures in a row, in seconds.

    It is due all the same, but each failure is told in the audit log and may leave a bad backup.
    """
    if not failures:
        return LOOK_EVERY_S
    return RETRY_S if failures <= HOURLY_RETRIES else LATER_RETRY_S
