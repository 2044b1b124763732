"""``connections.xml`` of MySQL Workbench."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exchange.reading import (
    Found,
    Reading,
    place_and_port,
    port_of,
    unreadable,
)

_DEEPEST = 64
_DRIVER = "com.mysql.rdbms.mysql.driver."
# In Workbench: No, If available, Require, Require and Verify CA, Require and Verify Identity.
_MODES = {
    "0": TlsMode.DISABLED,
    "1": TlsMode.PREFERRED,
    "2": TlsMode.REQUIRED,
    "3": TlsMode.VERIFY_CA,
    "4": TlsMode.VERIFY_IDENTITY,
}


@dataclass(slots=True)
class _Node:
    attributes: dict[str, str]
    children: list[_Node] = field(default_factory=list)
    text: str = ""

    def walk(self) -> Iterator[_Node]:
        """This node and all below it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def value(self, key: str) -> str:
        """The text of the child that has this key."""
        return next(
            (one.text.strip() for one in self.children if one.attributes.get("key") == key), ""
        )


def read_workbench(text: str) -> Reading:
    """The connections; raises AltusError (``import.unreadable``) for what is no such file."""
    found = [
        _found(node)
        for node in _parse(text).walk()
        if node.attributes.get("struct-name") == "db.mgmt.Connection"
        and node.attributes.get("type") == "object"
    ]
    remarks = (Remark("MySQL Workbench keeps its passwords in the keyring, not in this file."),)
    return Reading(tuple(found), remarks if found else ())


def _found(node: _Node) -> Found:
    name = node.value("name")
    values = next(
        (one for one in node.children if one.attributes.get("key") == "parameterValues"), _Node({})
    )
    driver = node.value("driver").removeprefix(_DRIVER)
    if driver not in ("native", "native_sshtun", "native_socket", "com.mysql.rdbms.mysql"):
        return Found(
            name,
            refusal=Remark(
                "Workbench reaches it in a way that is not supported here ({way}).",
                {"way": driver or "?"},
            ),
        )
    host = values.value("hostName")
    if driver == "native_socket":
        host = values.value("socket") or "/tmp/mysql.sock"  # noqa: S108 - Workbench's own default
    tls, notes = _tls(values)
    ssh: SshSettings | None = None
    if driver == "native_sshtun":
        key_file = values.value("sshKeyFile")
        ssh_host, ssh_port = place_and_port(values.value("sshHost"), 22)
        ssh = SshSettings(
            host=ssh_host,
            username=values.value("sshUserName"),
            port=ssh_port,
            method=SshMethod.KEY if key_file else SshMethod.PASSWORD,
            key_file=key_file,
        )
    database = values.value("schema")
    if not database:
        database = values.value("DbSqlEditor:LastDefaultSchema")
        if database:
            notes += (
                Remark(
                    "It names no database; the one used last, “{name}”, is taken.",
                    {"name": database},
                ),
            )
    draft = ConnectionDraft(
        name=name,
        host=host,
        port=port_of(values.value("port")),
        database=database,
        username=values.value("userName"),
        password_secret=values.value("password") or None,
        tls=tls,
        ssh=ssh,
    )
    return Found(name, draft, notes=notes)


def _tls(values: _Node) -> tuple[TlsSettings, tuple[Remark, ...]]:
    word = values.value("useSSL")
    mode = _MODES.get(word or "1")
    notes: tuple[Remark, ...] = ()
    if mode is None:
        mode = TlsMode.VERIFY_IDENTITY
        notes = (
            Remark(
                "Its TLS setting “{word}” is not known, so the strictest is taken.", {"word": word}
            ),
        )
    files = [values.value(key) for key in ("sslCA", "sslCert", "sslKey")]
    return TlsSettings(mode, *files), notes


def _parse(text: str) -> _Node:
    root = _Node({})
    path = [root]

    def begin(_: str, attributes: dict[str, str]) -> None:
        if len(path) > _DEEPEST:
            raise unreadable("The file is nested too deeply.")
        node = _Node(attributes)
        path[-1].children.append(node)
        path.append(node)

    def end(_: str) -> None:
        path.pop()

    def characters(data: str) -> None:
        path[-1].text += data

    def refuse(*_: object) -> NoReturn:
        # Without a document type there are no entities that could grow or lead elsewhere.
        raise unreadable("The file declares a document type, as no export of MySQL Workbench does.")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.lstrip(), True)  # noqa: FBT003 - expat takes it by place only
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise unreadable("The file is no XML, or is damaged.") from error
    return root
