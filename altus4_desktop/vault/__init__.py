"""Secrets at rest: data keys, sealed records, hashed passwords."""

from altus4_desktop.vault.access import VaultStatus
from altus4_desktop.vault.key_file import VaultKind
from altus4_desktop.vault.keyrings import KeyringBackend, KeyringReport
from altus4_desktop.vault.records import Binding
from altus4_desktop.vault.vault import Vault

__all__ = ["Binding", "KeyringBackend", "KeyringReport", "Vault", "VaultKind", "VaultStatus"]
