"""What was measured, as a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from altus4_desktop.services.evaluation_files import write_run
from altus4_desktop.services.query_pairs import write_pairs_csv, write_pairs_jsonl
from altus4_desktop.ui.panes.evaluation.measuring import Measured


class MeasuredFormat(StrEnum):
    """What is written."""

    CSV = "csv"
    JSONL = "jsonl"
    RUN_A = "run_a"
    RUN_B = "run_b"

    @property
    def suffix(self) -> str:
        """How the name of the file ends."""
        return f".{self.value.partition('_')[0]}"


def write_measured(path: Path, measured: Measured, wanted: MeasuredFormat) -> int:
    """Write a run, whole or not at all; returns the number of rows. Raises AltusError."""
    match wanted:
        case MeasuredFormat.CSV:
            return write_pairs_csv(path, measured.pairs)
        case MeasuredFormat.JSONL:
            return write_pairs_jsonl(path, measured.pairs)
        case MeasuredFormat.RUN_B if measured.second is not None:
            return write_run(path, measured.second)
        case _:
            return write_run(path, measured.first)
