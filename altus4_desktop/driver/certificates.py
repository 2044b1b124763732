"""What a certificate says, for a person who is to recognise it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from altus4_desktop.domain.connections import ServerCertificate

if TYPE_CHECKING:
    from cryptography import x509


def describe_certificate(der: bytes) -> ServerCertificate:
    """The certificate of those bytes; one that cannot be read has its fingerprint alone."""
    from cryptography import x509

    sha256 = hashlib.sha256(der).hexdigest()
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, issuer = certificate.subject, certificate.issuer
        return ServerCertificate(
            sha256=sha256,
            subject=subject.rfc4514_string(),
            issuer=issuer.rfc4514_string(),
            names=_names(certificate),
            not_before_at=certificate.not_valid_before_utc,
            not_after_at=certificate.not_valid_after_utc,
            self_signed=subject == issuer,
        )
    except ValueError:
        return ServerCertificate(sha256=sha256)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = found.get_values_for_type(x509.IPAddress)
        return (*found.get_values_for_type(x509.DNSName), *(str(item) for item in addresses))
    return ()
