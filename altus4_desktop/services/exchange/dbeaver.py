"""``data-sources.json`` of DBeaver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Environment,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.connection_drafts import parse_url
from altus4_desktop.services.exchange.reading import (
    Found,
    Reading,
    is_true,
    mapping,
    port_of,
    read_json,
    text_of,
    tls_from_mode,
    unreadable,
)

_PROVIDERS = frozenset({"mysql", "mariadb"})
_METHODS = {
    "PASSWORD": SshMethod.PASSWORD,
    "PUBLIC_KEY": SshMethod.KEY,
    "AGENT": SshMethod.AGENT,
}


def read_dbeaver(text: str) -> Reading:
    """The connections; raises AltusError (``import.unreadable``) for what is no such file."""
    connections = mapping(read_json(text)).get("connections")
    if not isinstance(connections, dict):
        raise unreadable("There are no connections in the file.")
    found = tuple(_found(str(key), mapping(value)) for key, value in connections.items())
    remarks = (
        Remark(
            "DBeaver keeps user names and passwords in another file, which is not read: "
            "enter those that are missing."
        ),
    )
    usable = any(one.draft is not None for one in found)
    return Reading(found, remarks if usable else ())


def _found(key: str, source: Mapping[str, Any]) -> Found:
    name = text_of(source.get("name")) or key
    provider = text_of(source.get("provider"))
    if provider.lower() not in _PROVIDERS:
        return Found(
            name,
            refusal=Remark(
                "It leads to “{provider}”, not to MySQL or MariaDB.", {"provider": provider or "?"}
            ),
        )
    configuration = mapping(source.get("configuration"))
    profile = text_of(configuration.get("config-profile"))
    if profile:
        return Found(
            name,
            refusal=Remark(
                "Its tunnel and its TLS settings are in the network profile “{profile}”, which is "
                "not read: add it by hand.",
                {"profile": profile},
            ),
        )
    handlers = mapping(configuration.get("handlers"))
    ssh, refusal = _ssh(mapping(handlers.get("ssh_tunnel")))
    proxy = mapping(handlers.get("socks_proxy"))
    if is_true(proxy.get("enabled")):
        refusal = Remark("It goes through a SOCKS proxy, which is not supported here.")
    if refusal is not None:
        return Found(name, refusal=refusal)
    place, refusal = _place(source, configuration)
    if place is None:
        return Found(name, refusal=refusal)
    tls, notes = _tls(mapping(handlers.get("mysql_ssl")), mapping(configuration.get("properties")))
    draft = replace(
        place,
        name=name,
        username=text_of(configuration.get("user")) or place.username,
        password_secret=text_of(configuration.get("password")) or place.password_secret,
        tls=tls,
        environment=_environment(configuration.get("type") or source.get("type")),
        ssh=ssh,
    )
    return Found(name, draft, notes=notes)


def _place(
    source: Mapping[str, Any], configuration: Mapping[str, Any]
) -> tuple[ConnectionDraft | None, Remark | None]:
    host = text_of(configuration.get("host")) or text_of(source.get("host"))
    url = text_of(configuration.get("url"))
    if host or not url:
        port = configuration.get("port") or source.get("port")
        database = text_of(configuration.get("database"))
        return ConnectionDraft("", host, database, "", port_of(port)), None
    try:
        return parse_url(url), None
    except InputError:
        return None, Remark("Its URL is not understood.")


def _ssh(handler: Mapping[str, Any]) -> tuple[SshSettings | None, Remark | None]:
    if not is_true(handler.get("enabled")):
        return None, None
    values = mapping(handler.get("properties"))
    if any(
        key.startswith("jumpServer") and key.endswith(".enabled") and is_true(value)
        for key, value in values.items()
    ):
        return None, Remark("It goes through several SSH servers, which is not supported here.")
    method = _METHODS.get(text_of(values.get("authType")).upper(), SshMethod.PASSWORD)
    return (
        SshSettings(
            host=text_of(values.get("host")),
            username=text_of(handler.get("user")) or text_of(values.get("user")),
            port=port_of(values.get("port"), 22),
            method=method,
            key_file=text_of(values.get("keyPath")) if method is SshMethod.KEY else "",
        ),
        None,
    )


def _tls(
    handler: Mapping[str, Any], properties: Mapping[str, Any]
) -> tuple[TlsSettings, tuple[Remark, ...]]:
    if is_true(handler.get("enabled")):
        values = mapping(handler.get("properties"))
        files = {
            "ca_file": text_of(values.get("ssl.ca.cert")),
            "cert_file": text_of(values.get("ssl.client.cert")),
            "key_file": text_of(values.get("ssl.client.key")),
        }
        if is_true(values.get("ssl.verify.server")) or files["ca_file"]:
            return TlsSettings(TlsMode.VERIFY_CA, **files), ()
        notes: tuple[Remark, ...] = ()
        if not is_true(values.get("ssl.require")):
            notes = (Remark("DBeaver goes on without TLS where there is none; here it must be."),)
        return TlsSettings(TlsMode.REQUIRED, **files), notes
    named = text_of(properties.get("sslMode"))
    if named:
        tls = tls_from_mode(named, {})
        if tls is not None:
            return tls, ()
        return TlsSettings(TlsMode.VERIFY_IDENTITY), (
            Remark(
                "Its TLS setting “{word}” is not known, so the strictest is taken.", {"word": named}
            ),
        )
    if is_true(properties.get("verifyServerCertificate")):
        return TlsSettings(TlsMode.VERIFY_CA), ()
    if is_true(properties.get("requireSSL")):
        return TlsSettings(TlsMode.REQUIRED), ()
    if text_of(properties.get("useSSL")).lower() == "false" or properties.get("useSSL") is False:
        return TlsSettings(TlsMode.DISABLED), (Remark("It says that TLS is not to be used."),)
    return TlsSettings(), ()


def _environment(value: object) -> Environment:
    try:
        return Environment(text_of(value).lower())
    except ValueError:
        return Environment.DEV
