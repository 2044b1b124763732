"""The built-in language model: what its vectors are, that it needs no network, how it fails."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from altus4_desktop.domain.errors import ModelError
from altus4_desktop.search import embedding
from altus4_desktop.search.embedding import MAX_TEXT_CHARS, load_embedder
from tests.servers import PROJECT

_TEXTS = ["A fast car.", "the quick automobile", "boiled potatoes", "", " \n", "naïve café 漢字"]

# Runs in a process of its own: every look at a socket ends it, and no network client may be there.
_GUARDED = f"""
import json, os, sys
def guard(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.")):
        raise SystemExit(f"network: {{event}}")
sys.addaudithook(guard)
from altus4_desktop.search.embedding import load_embedder
vectors = load_embedder().embed({_TEXTS!r})
if sys.platform == "linux":
    for entry in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{{entry}}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            raise SystemExit("a socket is open")
there = {{name.split(".")[0] for name in sys.modules}}
clients = there & {{"requests", "urllib3", "httpx", "httpx2", "huggingface_hub", "wordllama"}}
print(json.dumps([sorted(clients), vectors.tolist()]))
"""

_BY_ITS_OWN_CODE = f"""
import json, sys
from importlib.util import find_spec
from pathlib import Path
from wordllama import WordLlama
folder = Path(find_spec("wordllama").origin).parent
model = WordLlama.load(cache_dir=folder, disable_download=True)
print(json.dumps(model.embed({[_TEXTS[0], _TEXTS[1], _TEXTS[5]]!r}, norm=True).tolist()))
"""


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not loaded the model yet."""
    monkeypatch.setattr(embedding, "_loaded", [])


def test_vectors_have_length_one_and_an_empty_text_none() -> None:
    vectors = load_embedder().embed(_TEXTS)
    assert vectors.shape == (len(_TEXTS), load_embedder().dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0, 0, 1], abs=1e-5)
    assert load_embedder().embed([]).shape == (0, load_embedder().dimensions)


def test_what_means_the_same_is_close() -> None:
    car, automobile, potatoes = load_embedder().embed(_TEXTS[:3])
    assert car @ automobile > 0.5
    assert car @ potatoes < 0.2


def test_the_vectors_are_those_of_the_models_own_code() -> None:
    own = np.array(json.loads(_run(_BY_ITS_OWN_CODE)), dtype=np.float32)
    ours = load_embedder().embed([_TEXTS[0], _TEXTS[1], _TEXTS[5]])
    np.testing.assert_allclose(ours, own, atol=1e-5)


def test_a_text_in_a_batch_is_the_same_as_alone() -> None:
    texts = [f"row {number} about " + "wings " * (number % 7) for number in range(600)]
    together = load_embedder().embed(texts)
    for place in (0, 255, 256, 599):
        np.testing.assert_allclose(together[place], load_embedder().embed([texts[place]])[0])


def test_the_end_of_a_long_text_does_not_count() -> None:
    text = "lighthouse keeper " * (MAX_TEXT_CHARS // 18 + 1)
    once, longer = load_embedder().embed([text[:MAX_TEXT_CHARS], text[:MAX_TEXT_CHARS] + "zebra"])
    np.testing.assert_array_equal(once, longer)


@pytest.mark.parametrize(
    "text", ["\0" * 9000, "a" * 20_000, "\ud800 broken", "<b>" * 5000, "漢" * 9000]
)
def test_a_hostile_text_is_a_text(text: str) -> None:
    assert np.isfinite(load_embedder().embed([text])).all()


def test_several_threads_load_it_once(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = embedding._load

    def counted() -> embedding.Embedder:
        loads.append(1)
        return load()

    monkeypatch.setattr(embedding, "_load", counted)
    got: list[embedding.Embedder] = []
    threads = [threading.Thread(target=lambda: got.append(load_embedder())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len({id(embedder) for embedder in got}) == 1


def test_no_socket_is_touched(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    assert np.isfinite(load_embedder().embed(_TEXTS)).all()


def test_a_process_of_its_own_needs_no_network_and_loads_no_client() -> None:
    clients, vectors = json.loads(_run(_GUARDED, *_without_network()))
    assert clients == []
    np.testing.assert_allclose(
        np.array(vectors, dtype=np.float32), load_embedder().embed(_TEXTS), atol=1e-6
    )


class _Moved:
    """The package as if it were installed in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def locate_file(self, name: str) -> Path:
        return self._folder / name


@pytest.fixture
def copy(tmp_path: Path, unloaded: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model that a test may damage."""
    package = distribution("wordllama")
    for name in (embedding._WEIGHTS, embedding._TOKENIZER):
        target = tmp_path / "wordllama" / name
        target.parent.mkdir(parents=True)
        shutil.copyfile(Path(str(package.locate_file(f"wordllama/{name}"))), target)
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: _Moved(tmp_path))
    return tmp_path / "wordllama"


def test_a_whole_copy_works(copy: Path) -> None:
    assert load_embedder().embed(["x"]).any()


@pytest.mark.parametrize("name", [embedding._WEIGHTS, embedding._TOKENIZER])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "garbage"])
def test_a_damaged_model_is_said_and_never_fetched(
    copy: Path, name: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", pytest.fail)
    path = copy / name
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        damaged = {"empty": b"", "cut": whole[: len(whole) // 2], "garbage": b"\xff" * 1000}
        path.write_bytes(damaged[damage])
    with pytest.raises(ModelError) as caught:
        load_embedder()
    assert path.name in caught.value.message
    assert str(copy) not in caught.value.message
    assert caught.value.hint
    path.write_bytes(whole)
    assert load_embedder().embed(["x"]).any()


def test_vectors_that_are_no_numbers_are_damage(copy: Path) -> None:
    path = copy / embedding._WEIGHTS
    path.write_bytes(path.read_bytes()[:1000] + b"\xff" * (path.stat().st_size - 1000))
    with pytest.raises(ModelError, match="damaged"):
        load_embedder()


@pytest.mark.parametrize("library", ["tokenizers", "safetensors.numpy"])
def test_a_missing_library_is_said(
    library: str, unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelError, match=f"“{library}” is missing"):
        load_embedder()


def test_a_missing_package_is_said(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.distribution", missing)
    with pytest.raises(ModelError, match="“wordllama” is missing"):
        load_embedder()


def _run(code: str, *prefix: str) -> str:
    done = subprocess.run(
        [*prefix, sys.executable, "-W", "ignore", "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _without_network() -> tuple[str, ...]:
    """A command that takes the network away from another; empty where the system forbids it."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    prefix = (program, "--map-root-user", "--net")
    done = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if done.returncode == 0 else ()
