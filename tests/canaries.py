"""Secrets that can be told from everything else, and the search for where they have got to."""

from __future__ import annotations

import base64
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil

_BLOCK = 1 << 20


class Canaries:
    """Passwords and keys made for one test, each with its name."""

    def __init__(self) -> None:
        self._forms: dict[bytes, str] = {}

    def make(self, name: str) -> str:
        """A new secret that every form takes."""
        secret = f"Canary{secrets.token_hex(12)}+{name}"
        self.add(name, secret)
        return secret

    def add(self, name: str, secret: str) -> None:
        """Look for ``secret``, made elsewhere, from now on."""
        plain = secret.encode()
        for shift in range(3):
            # What base64 makes of it wherever it begins in a longer text.
            coded = base64.b64encode(b"\0" * shift + plain)
            self._forms[coded[4 if shift else 0 : -4]] = f"{name} in base64"
        for form, what in (
            (plain, ""),
            (secret.encode("utf-16-le"), " in UTF-16"),
            (plain.hex().encode(), " in hex"),
            (plain.hex().upper().encode(), " in HEX"),
            (quote(secret).encode(), " in a URL"),
        ):
            self._forms[form] = name + what

    def found_in(self, content: bytes) -> set[str]:
        """The names of those that are somewhere in ``content``."""
        return {name for form, name in self._forms.items() if form in content}

    def found_under(self, *folders: Path) -> dict[str, set[str]]:
        """File to the names of those in it or in its name."""
        found = {}
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                names = self.found_in(str(path).encode())
                if path.is_file() and not path.is_symlink():
                    names |= self._found_in_file(path)
                if names:
                    found[str(path)] = names
        return found

    def _found_in_file(self, path: Path) -> set[str]:
        overlap = max(len(form) for form in self._forms)
        found: set[str] = set()
        before = b""
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                found |= self.found_in(before + block)
                before = block[-overlap:]
        return found


class ChildWatch:
    """Looks again and again at the arguments and the environment of every process that ``pid`` has
    started, as any other program on the computer can."""

    def __init__(self, pid: int, canaries: Canaries) -> None:
        self.seen: set[str] = set()
        self.found: dict[str, set[str]] = {}
        self._process = psutil.Process(pid)
        self._canaries = canaries
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="child watch")

    def __enter__(self) -> ChildWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            with suppress(psutil.Error):
                for child in self._process.children(recursive=True):
                    self._look(child)

    def _look(self, child: psutil.Process) -> None:
        with suppress(psutil.Error, OSError):
            arguments, environment = child.cmdline(), child.environ()
            if arguments == self._process.cmdline():
                # Between fork and exec a child is still its parent, who was given the secrets.
                return
            self.seen.add(arguments[0] if arguments else "")
            names = self._canaries.found_in("\0".join(arguments).encode(errors="replace"))
            names |= self._canaries.found_in(repr(environment).encode(errors="replace"))
            if names:
                self.found[" ".join(arguments)] = names
