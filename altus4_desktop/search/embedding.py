"""Texts as vectors: the mean of static word-piece vectors, from a model that comes with a package.

The model is `l2_supercat` of the package wordllama (32,000 word pieces of 256 numbers, trained for
the cosine; https://github.com/dleemiller/WordLlama). Of that package only the two model files are
read: importing its code would set up logging of its own and load a network client. So nothing here
is able to fetch anything.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from altus4_desktop.domain.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

# The beginning of a text says what it is about; what follows hardly moves the mean.
MAX_TEXT_CHARS = 8192
_BATCH_TEXTS = 256
_PACKAGE = "wordllama"
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"

_loading = threading.Lock()
_loaded: list[Embedder] = []


class Embedder:
    """Embeds texts; may be used by several threads at once."""

    def __init__(self, tokenizer: Tokenizer, vectors: NDArray[np.float32]) -> None:
        self._tokenizer = tokenizer
        self._vectors = vectors

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._vectors.shape[1])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of ``texts``, n x d and of length 1; an empty text has the zero vector.

        Only the first `MAX_TEXT_CHARS` characters of a text count.
        """
        import numpy as np

        pooled = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        last = len(self._vectors) - 1
        for first in range(0, len(texts), _BATCH_TEXTS):
            # A lone surrogate is no text for the tokenizer, yet a hostile row may hold one.
            batch = [
                text[:MAX_TEXT_CHARS].strip().encode("utf-8", "replace").decode()
                for text in texts[first : first + _BATCH_TEXTS]
            ]
            encoded = self._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            for place, pieces in enumerate(encoded, first):
                if pieces.ids:
                    ids = np.minimum(np.asarray(pieces.ids, dtype=np.int64), last)
                    self._vectors.take(ids, axis=0).mean(axis=0, out=pooled[place])
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        np.divide(pooled, lengths, out=pooled, where=lengths > 0)
        return pooled


def load_embedder() -> Embedder:
    """The embedder of this process, loaded by the first call.

    Takes about a quarter of a second then: not for the GUI thread. Raises `ModelError` when the
    model or a library it needs is missing or damaged; the next call tries again.
    """
    with _loading:
        if not _loaded:
            _loaded.append(_load())
        return _loaded[0]


def _load() -> Embedder:
    try:
        from importlib.metadata import PackageNotFoundError, distribution

        import tokenizers  # noqa: F401  # told apart from a damaged file
        from safetensors.numpy import load_file
    except ImportError as error:
        raise _missing(error.name or "") from error
    try:
        package = distribution(_PACKAGE)
    except PackageNotFoundError as error:
        raise _missing(_PACKAGE) from error
    weights, pieces = (
        _existing(package.locate_file(f"{_PACKAGE}/{name}")) for name in (_WEIGHTS, _TOKENIZER)
    )
    try:
        tokenizer = _build_tokenizer(pieces)
    except Exception as error:  # the library raises nothing more special
        raise _damaged(pieces) from error
    try:
        vectors = load_file(weights)[_TENSOR].astype("float32")
    except Exception as error:  # its own errors, KeyError, OSError, ValueError: all say the same
        raise _damaged(weights) from error
    if not _plausible(vectors, tokenizer):
        raise _damaged(weights)
    return Embedder(tokenizer, vectors)


def _build_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer that a file describes, without padding and cutting.

    Built in steps: its library would read the file in one go, while every other thread, the
    window's too, stands still.
    """
    import json

    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    described = json.loads(path.read_text("utf-8"))
    model = described["model"]
    pieces = BPE(
        model["vocab"],
        _Pairs(model["merges"]),
        unk_token=model["unk_token"],
        fuse_unk=model["fuse_unk"],
        byte_fallback=model["byte_fallback"],
    )
    special = {piece["content"]: piece["id"] for piece in described["added_tokens"]}
    without_pieces = {**model, "vocab": special, "merges": []}
    tokenizer = Tokenizer.from_str(json.dumps({**described, "model": without_pieces}))
    tokenizer.model = pieces
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class _Pairs(Sequence[tuple[str, str]]):
    """Texts of two words as pairs, made while they are read: so other threads have their turns in
    between, and the collector has no 61,249 tuples to visit."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, at: int) -> tuple[str, str]: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[tuple[str, str]]: ...

    def __getitem__(self, at: int | slice) -> tuple[str, str] | Sequence[tuple[str, str]]:
        if isinstance(at, slice):
            return _Pairs(self._texts[at])
        first, second = self._texts[at].split(" ", 1)
        return first, second


def _plausible(vectors: NDArray[np.float32], tokenizer: Tokenizer) -> bool:
    import numpy as np

    if vectors.ndim != 2 or len(vectors) > tokenizer.get_vocab_size():
        return False
    return bool(len(vectors) > 0 and np.isfinite(vectors).all())


def _existing(path: object) -> Path:
    from pathlib import Path

    found = Path(str(path))
    if not found.is_file():
        raise _damaged(found)
    return found


def _missing(package: str) -> ModelError:
    return ModelError(
        "The built-in language model cannot be used: the package “{package}” is missing.",
        hint="Install Altus 4 Desktop again.",
        details={"package": package},
    )


def _damaged(path: Path) -> ModelError:
    return ModelError(
        "The built-in language model cannot be used: its file “{file}” is missing or damaged.",
        hint="Install Altus 4 Desktop again.",
        details={"file": path.name},
    )
