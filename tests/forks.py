"""Child processes that begin quickly and inherit nothing from the test."""

from __future__ import annotations

import multiprocessing
from typing import Any


def build_forks(module: str) -> Any:
    """Processes are made of it as of `multiprocessing`: forked from a clean one that has imported
    ``module`` already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
