"""Vectors of texts, kept from search to search: the rows of one search are often those of the next,
and embedding them is most of what ranking costs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_VECTORS = 8_192


class Embedder(Protocol):
    """Turns texts into unit vectors, one row each."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of ``len(texts)`` rows; a text without a known word may be all zeros."""


class KeptVectors:
    """The vectors that one embedder has made last; for any thread.

    Texts are known by their hash, so no text of a tenant is kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vectors: OrderedDict[tuple[int, int], Any] = OrderedDict()

    def embed(self, embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
        """As ``embedder.embed``, which only makes what is not known; never NaN."""
        import numpy as np

        keys = [(hash(text), len(text)) for text in texts]
        found = {}
        with self._lock:
            for key in keys:
                vector = self._vectors.get(key)
                if vector is not None:
                    self._vectors.move_to_end(key)
                    found[key] = vector
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if fresh:
            made = np.nan_to_num(np.asarray(embedder.embed(list(fresh.values())), np.float32))
            # Copies, or one kept row would keep the whole array.
            new = {key: vector.copy() for key, vector in zip(fresh, made, strict=True)}
            found.update(new)
            with self._lock:
                self._vectors.update(new)
                while len(self._vectors) > MOST_VECTORS:
                    self._vectors.popitem(last=False)
        return np.stack([found[key] for key in keys])


_KEPT: WeakKeyDictionary[Embedder, KeptVectors] = WeakKeyDictionary()
_KEPT_LOCK = threading.Lock()


def kept_vectors(embedder: Embedder) -> KeptVectors:
    """What ``embedder`` has made in this process."""
    with _KEPT_LOCK:
        return _KEPT.setdefault(embedder, KeptVectors())
