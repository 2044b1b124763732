"""A Secret Service on a private socket: a bus and a keyring in one, for the real client library."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

from jeepney import (  # type: ignore[import-untyped]  # ships no types
    DBusAddress,
    Message,
    MessageType,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.low_level import HeaderFields, Parser  # type: ignore[import-untyped]  # as above

_COLLECTION = "/org/freedesktop/secrets/collection/login"
_PROMPT = "/org/freedesktop/secrets/prompt/p1"
_SESSION = "/org/freedesktop/secrets/session/s1"
_PREFIX = "org.freedesktop.Secret."


class SecretService:
    """Answers as a desktop's keyring does.

    ``locked`` makes it ask to be unlocked; ``person`` says what happens to that prompt:
    ``answers``, ``dismisses`` or ``absent``. ``die_at`` closes the line when that method is
    called; ``mute_at`` never answers it.
    """

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder / 'bus'}"
        self.locked = False
        self.person = "answers"
        self.die_at = ""
        self.mute_at = ""
        self.items: dict[str, tuple[dict[str, str], bytes]] = {}
        self.prompted = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / "bus"))
        self._listener.listen()
        self._lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Close every line: whoever still waits is told that the bus is gone."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            thread = threading.Thread(target=self._serve, args=(line,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            rest = self._authenticate(line)
            parser, serial = Parser(), 0
            parser.add_data(rest)
            while True:
                message = parser.get_next_message()
                if message is None:
                    data = line.recv(65536)
                    if not data:
                        return
                    parser.add_data(data)
                    continue
                for answer in self._answer(message):
                    serial += 1
                    line.sendall(answer.serialise(serial))

    @staticmethod
    def _authenticate(line: socket.socket) -> bytes:
        data = b""
        while True:
            while b"\r\n" not in data:
                data += line.recv(4096) or _gone()
            command, _, data = data.partition(b"\r\n")
            command = command.lstrip(b"\0")
            if command == b"BEGIN":
                return data
            if command.startswith(b"AUTH"):
                line.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            else:
                line.sendall(b"ERROR\r\n")

    def _answer(self, message: Message) -> list[Message]:
        fields = message.header.fields
        if message.header.message_type is not MessageType.method_call:
            return []
        method, path = fields[HeaderFields.member], fields[HeaderFields.path]
        if method == self.die_at:
            _gone()
        if method == self.mute_at:
            return []
        handler = getattr(self, f"_on_{method.lower()}", None)
        if handler is None:
            return [new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (method,))]
        return list(handler(message, path, *message.body))

    def _on_hello(self, message: Message, path: str) -> Any:
        yield new_method_return(message, "s", (":1.1",))

    def _on_addmatch(self, message: Message, path: str, rule: str) -> Any:
        yield new_method_return(message)

    def _on_removematch(self, message: Message, path: str, rule: str) -> Any:
        yield new_method_return(message)

    def _on_namehasowner(self, message: Message, path: str, name: str) -> Any:
        yield new_method_return(message, "b", (True,))

    def _on_listactivatablenames(self, message: Message, path: str) -> Any:
        yield new_method_return(message, "as", (["org.freedesktop.secrets"],))

    def _on_opensession(self, message: Message, path: str, algorithm: str, value: Any) -> Any:
        if algorithm != "plain":
            yield new_error(message, "org.freedesktop.DBus.Error.NotSupported", "s", ("no",))
        else:
            yield new_method_return(message, "vo", (("s", ""), _SESSION))

    def _on_get(self, message: Message, path: str, interface: str, name: str) -> Any:
        value: tuple[str, Any] = ("b", self.locked) if name == "Locked" else ("s", "login")
        yield new_method_return(message, "v", (value,))

    def _on_unlock(self, message: Message, path: str, paths: list[str]) -> Any:
        if self.locked:
            yield new_method_return(message, "aoo", ([], _PROMPT))
        else:
            yield new_method_return(message, "aoo", (paths, "/"))

    def _on_prompt(self, message: Message, path: str, window: str) -> Any:
        yield new_method_return(message)
        self.prompted.set()
        if self.person == "absent":
            return
        self.locked = self.person == "dismisses"
        prompt = DBusAddress(path, interface=_PREFIX + "Prompt")
        yield new_signal(prompt, "Completed", "bv", (self.locked, ("ao", [_COLLECTION])))

    def _on_searchitems(self, message: Message, path: str, wanted: dict[str, str]) -> Any:
        found = [
            item
            for item, (attributes, _) in self.items.items()
            if wanted.items() <= attributes.items()
        ]
        yield new_method_return(message, "ao", (found,))

    def _on_createitem(
        self, message: Message, path: str, properties: Any, secret: Any, replace: bool
    ) -> Any:
        attributes = dict(properties[_PREFIX + "Item.Attributes"][1])
        item = next(
            (name for name, (known, _) in self.items.items() if known == attributes),
            f"{_COLLECTION}/{len(self.items)}",
        )
        self.items[item] = (attributes, bytes(secret[2]))
        yield new_method_return(message, "oo", (item, "/"))

    def _on_getsecret(self, message: Message, path: str, session: str) -> Any:
        secret = (session, b"", self.items[path][1], "text/plain")
        yield new_method_return(message, "(oayays)", (secret,))

    def _on_delete(self, message: Message, path: str) -> Any:
        del self.items[path]
        yield new_method_return(message, "o", ("/",))


def _gone() -> bytes:
    raise ConnectionResetError
