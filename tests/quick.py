"""What a guess at a password or a passphrase costs in tests: next to nothing."""

from __future__ import annotations

from altus4_desktop.vault.passphrase import Argon2Settings

ARGON2 = Argon2Settings(memory_kib=19 * 1024, iterations=1, lanes=1)
BCRYPT_COST = 4
