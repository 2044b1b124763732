"""The built-in language model: loaded once, on a thread of its own, and never waited for long."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ModelError
from altus4_desktop.search.embedding import load_embedder

if TYPE_CHECKING:
    from altus4_desktop.search.embedding import Embedder

_LOG = logging.getLogger(__name__)

# Loading takes a quarter of a second; a disk that hangs must not hang a search.
MOST_WAIT_S = 3.0


class LanguageModel:
    """For any thread.

    `start` begins to load and returns at once; a model that could not be loaded is tried again by
    the next `start`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._embedder: Embedder | None = None
        self._error: ModelError | None = None
        self._loading = False

    def start(self) -> None:
        """Load the model, unless it is there or being loaded."""
        with self._changed:
            if self._embedder is not None or self._loading:
                return
            self._loading = True
            self._error = None
        threading.Thread(target=self._load, name="altus4-model", daemon=True).start()

    def get(self, token: CancelToken) -> Embedder:
        """The model, waited for `MOST_WAIT_S` at most and no longer than ``token`` allows.

        Raises `ModelError` when it is missing, damaged or not loaded yet.
        """
        self.start()
        deadline = time.monotonic() + MOST_WAIT_S
        with token.on_cancel(self._wake), self._changed:
            self._changed.wait_for(
                lambda: not self._loading or token.cancelled, deadline - time.monotonic()
            )
            if self._embedder is not None:
                return self._embedder
            raise self._error or ModelError(
                "The built-in language model is not loaded yet.", hint="Search again in a moment."
            )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _load(self) -> None:
        embedder, failure = None, None
        try:
            embedder = load_embedder()
        except ModelError as error:
            failure = error
        except Exception as error:  # a library that breaks off: words rank without it
            failure = ModelError(
                "The built-in language model cannot be used: loading it broke off.",
                hint="This is a fault of the program; the log has the details.",
            )
            failure.__cause__ = error
        if failure is not None:
            _LOG.warning("language model not loaded: %s", failure.code, exc_info=failure.__cause__)
        with self._changed:
            self._embedder, self._error, self._loading = embedder, failure, False
            self._changed.notify_all()
