"""How long one waits after wrong passwords, so that guessing them takes too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import AccessError

if TYPE_CHECKING:
    from altus4_desktop.storage.repositories.sign_ins import SignInRepository

FAILURES_BEFORE_WAIT = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Wait:
    """How many whole seconds are left after so many failures in a row."""

    failures: int
    left_s: int

    def refusal(self) -> AccessError:
        """What somebody is told who does not wait."""
        return AccessError(
            "Too many wrong passwords: try again in {wait_s} seconds.",
            hint="An admin can set a new password meanwhile.",
            code="access.backoff",
            retryable=True,
            details={"wait_s": self.left_s},
        )


def find_wait(sign_ins: SignInRepository, email: str, now: datetime) -> Wait | None:
    """How long ``email`` has to wait still; raises StoreError."""
    failures, last_at = sign_ins.find_(email)
    if failures < FAILURES_BEFORE_WAIT or last_at is None:
        return None
    wait_s = min(FIRST_WAIT_S * 2.0 ** min(failures - FAILURES_BEFORE_WAIT, 10), LONGEST_WAIT_S)
    if now < last_at:
        # The clock was set back: the wait starts anew from here, neither shorter nor endless.
        sign_ins.restart_wait(email, now)
        last_at = now
    left = last_at + timedelta(seconds=wait_s) - now
    return Wait(failures, int(left.total_seconds()) + 1) if left > timedelta(0) else None
