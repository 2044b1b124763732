"""Counting past searches in a command."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.domain.accounts import Actor
    from altus4_desktop.domain.analytics import RollUpReport


def count_searches(context: CliContext, actor: Actor, *, whole: bool = False) -> RollUpReport:
    """`AnalyticsService.refresh_`, with its progress on the terminal. Raises as that does."""
    # Counting makes so many objects that garbage would be looked for in a third of the time.
    usual = gc.get_threshold()
    gc.set_threshold(50_000)
    try:
        return context.services.analytics.refresh_(actor, context.out.progress, whole=whole)
    finally:
        gc.set_threshold(*usual)
