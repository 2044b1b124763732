"""How old this process is."""

from __future__ import annotations

import os
import sys
import time

_IMPORTED_AT = time.monotonic()


def process_age_ms() -> float:
    """Milliseconds since the operating system started this process.

    Linux counts in ticks of 10 ms; elsewhere the count starts when this module is imported.
    """
    if sys.platform == "linux":
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # pathlib is not needed at start-up
            after_name = file.read().rpartition(")")[2].split()
        started_s = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    else:
        age_s = time.monotonic() - _IMPORTED_AT
    return age_s * 1000
