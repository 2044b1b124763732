import io
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from altus4_desktop.cli.output import Output, instant
from altus4_desktop.domain.progress import Progress


def make_output(*, quiet: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(json_wanted=False, quiet=quiet, out=out, err=err), out, err


def test_a_table_is_aligned_and_shows_no_control_characters() -> None:
    output, out, _ = make_output()
    output.table(["name", "n"], [["a\x1b[2J\tb", 1], ["longer name", None]])
    assert out.getvalue().splitlines() == [
        "name         n",
        "-----------  -",
        "a [2J b      1",
        "longer name",
    ]


def test_messages_go_to_standard_error_and_quiet_silences_them_but_not_problems() -> None:
    output, out, err = make_output(quiet=True)
    output.say("hello")
    output.progress(Progress("working", 0.5))
    output.problem("It failed.", "Try again.", "x.y")
    assert out.getvalue() == ""
    assert err.getvalue() == "altus4-desktop: It failed.\n  Try again.\n  [x.y]\n"


def test_progress_without_a_terminal_prints_each_step_once() -> None:
    output, _, err = make_output()
    for done in (1, 2):
        output.progress(Progress(f"loading: {done} of 2", done / 2))
    output.progress(Progress("indexing"))
    assert err.getvalue() == "loading: 1 of 2\nindexing\n"


def test_json_keeps_unicode_and_large_integers() -> None:
    output, out, _ = make_output()
    output.json({"n": 9007199254740993, "t": "検索"})
    assert json.loads(out.getvalue()) == {"n": 9007199254740993, "t": "検索"}
    assert "検索" in out.getvalue()


def test_instants_have_one_form() -> None:
    there = timezone(timedelta(hours=2))
    assert instant(datetime(2026, 1, 31, 1, 2, 3, 456, tzinfo=there)) == "2026-01-30T23:02:03Z"
    assert instant(None) is None


@pytest.mark.parametrize("times", [1, 5])
def test_a_full_standard_error_changes_no_exit_code(times: int) -> None:
    code = (
        "from altus4_desktop.cli.output import Output\n"
        "output = Output(json_wanted=False, quiet=False)\n"
        f"for _ in range({times}): output.say('short')\n"
    )
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-c", code], stderr=full, check=False)
    assert done.returncode == 0
