"""The frame: what programs that call ours can rely on, whatever happens inside."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from altus4_desktop.cli import migrate
from altus4_desktop.cli.context import CliContext
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, main
from altus4_desktop.cli.output import Output
from altus4_desktop.domain.errors import Cancelled, InputError, StoreError
from tests.servers import PROJECT


def run_in_shell(line: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """``line`` as a shell runs it; $ALTUS is the program over ``data_dir``."""
    given = {name: text for name, text in os.environ.items() if not name.startswith("ALTUS4_")}
    program = {"ALTUS": f"{sys.executable} -m altus4_desktop", "ALTUS4_DATA_DIR": str(data_dir)}
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=PROJECT,
        env=given | program | variables,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "line",
    [
        "$ALTUS migrate sql 1 >&-",
        "$ALTUS migrate sql 1 <&- >&-",
        "$ALTUS migrate sql 1 >/dev/full",
    ],
)
def test_an_answer_that_nobody_can_take_is_a_failure(line: str, tmp_path: Path) -> None:
    done = run_in_shell(line, tmp_path)
    assert done.returncode == EXIT_FAILED
    assert done.stderr.endswith(b"[output.failed]\n")


@pytest.mark.parametrize("options", ["", " --password-stdin"])
def test_closed_standard_input_gives_no_secret(options: str, tmp_path: Path) -> None:
    done = run_in_shell(f"$ALTUS users create --email a@b.org --name A{options} <&-", tmp_path)
    assert done.returncode == EXIT_USAGE
    assert done.stderr.endswith(b"[input.invalid]\n")


def test_with_every_stream_closed_the_store_stays_sound(tmp_path: Path) -> None:
    assert run_in_shell("$ALTUS migrate up <&- 2>&- >&-", tmp_path).returncode == EXIT_FAILED
    done = run_in_shell("$ALTUS migrate status --json", tmp_path)
    states = {revision["state"] for revision in json.loads(done.stdout)["revisions"]}
    assert states == {"applied"}


def test_the_reader_may_go_early(tmp_path: Path) -> None:
    done = run_in_shell("{ $ALTUS migrate sql 1; echo $? >&2; } | head -n 1", tmp_path)
    assert done.stderr == b"0\n"


def test_messages_nobody_listens_to_end_nothing(tmp_path: Path) -> None:
    done = run_in_shell("$ALTUS migrate up 2>/dev/full", tmp_path)
    assert done.returncode == EXIT_DONE


def test_a_locale_without_the_characters_breaks_no_answer(tmp_path: Path) -> None:
    """An argument that is not Unicode comes back as an escape, and JSON stays JSON."""
    line = "$ALTUS server status --json --data-dir \"$(printf '%s/\\346\\244\\234\\377' .)\""
    done = run_in_shell(line, tmp_path, PYTHONIOENCODING="ascii")
    assert done.stderr == b""
    assert json.loads(done.stdout.decode("utf-8"))["data_folder"].endswith("検\udcff/server")


def test_standard_input_that_is_no_text_breaks_nothing(tmp_path: Path) -> None:
    line = (
        "printf '\\377\\376 not a text\\n' | "
        "$ALTUS users create --email a@b.org --name A --password-stdin"
    )
    done = run_in_shell(line, tmp_path, PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, done.stdout) == (EXIT_DONE, b""), done.stderr


def test_wrong_usage_is_told_like_every_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["users", "fly"]) == EXIT_USAGE
    told = capsys.readouterr()
    assert told.out == ""
    sentence, hint, code = told.err.splitlines()
    assert "fly" in sentence
    assert hint == "  See “altus4-desktop users --help”."
    assert code == "  [input.usage]"


def test_warnings_of_libraries_go_to_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(*_: object) -> int:
        for name in ("sqlalchemy.pool", "altus4_desktop.services.fan_out"):
            logging.getLogger(name).error("broke off: password=canary", exc_info=ValueError())
        warnings.warn("password=canary", UserWarning, stacklevel=1)
        return EXIT_DONE

    monkeypatch.setattr(migrate, "run_status", warn)
    shown = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["migrate", "status", "--data-dir", str(tmp_path)]) == EXIT_DONE
    assert capsys.readouterr().err == ""
    assert warnings.showwarning is shown
    log = (tmp_path / "logs" / "altus4.log").read_text("utf-8")
    assert (log.count("broke off"), log.count("canary")) == (2, 0)
    assert "UserWarning: password=" in log


def test_only_a_fault_of_ours_is_to_be_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_with(error: Exception) -> str:
        def run(*_: object) -> int:
            logging.getLogger("sqlalchemy.pool").warning("a library is not content")
            raise error

        monkeypatch.setattr(migrate, "run_status", run)
        assert main(["migrate", "status", "--data-dir", str(tmp_path)]) != EXIT_DONE
        return capsys.readouterr().err

    for known in (InputError("until", "Too early."), StoreError("It is away."), Cancelled()):
        assert "report" not in fail_with(known)
    assert "please report it" in fail_with(RuntimeError())


def test_a_fault_of_ours_is_a_sentence_and_its_log_is_redacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("password=canary-in-the-log")

    monkeypatch.setattr(migrate, "run_status", fail)
    assert main(["migrate", "status", "--data-dir", str(tmp_path)]) == EXIT_FAILED
    told = capsys.readouterr().err
    assert told.endswith("[internal]\n")
    assert "canary" not in told
    log = (tmp_path / "logs" / "altus4.log").read_text("utf-8")
    assert "RuntimeError" in log
    assert "canary" not in log


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_thread_that_breaks_off_prints_nothing_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("broken in a thread")

    def run(*_: object) -> int:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return 0

    hook = threading.excepthook
    monkeypatch.setattr(migrate, "run_status", run)
    assert main(["migrate", "status", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
    log = (tmp_path / "logs" / "altus4.log").read_text("utf-8")
    assert "RuntimeError: broken in a thread" in log
    assert threading.excepthook is hook


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("\n", False), ("", False)])
def test_a_question_is_asked_beside_the_answer(
    answer: str,
    agreed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    context = CliContext(tmp_path, None, Output(json_wanted=True, quiet=True))
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    assert context.confirm("Sure?", argparse.Namespace(yes=False)) is agreed
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Sure? [y/N] "


def test_what_is_asked_at_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALTUS4_METADATA_PASSWORD", "ALTUS4_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    url, output = "mysql://ada@db.example.org/store", Output(json_wanted=False, quiet=True)
    context = CliContext(tmp_path, url, output)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(InputError) as refused:
        context.open_store()
    assert refused.value.hint == "Set ALTUS4_METADATA_PASSWORD."

    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "given"

    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr("getpass.getpass", answer)
    assert context.store_password() == "given"
    assert asked == ["Password of ada at db.example.org: "]

    for _ in range(2):
        context.passphrase()
    assert asked[1:] == ["New passphrase of the vault: ", "Once more: "]
    monkeypatch.setenv("ALTUS4_METADATA_PASSWORD", "")
    assert CliContext(tmp_path, url, output).store_password() is None


def test_a_search_without_connections_needs_no_vault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--data-dir", str(tmp_path)]
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.delenv("ALTUS4_PASSPHRASE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    made = ["users", "create", "--email", "a@b.org", "--name", "A", "--password-stdin"]
    assert main([*made, *place]) == EXIT_DONE
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", "correct horse battery")
    capsys.readouterr()
    assert main(["search", "any", *place]) == EXIT_USAGE
    assert "There is no connection to search." in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "export", "~no-such-user/log.csv"),
        ("connections", "export", "~no-such-user/connections.json"),
        ("vault", "export-kit", "~no-such-user/kit.json"),
        ("vault", "import-kit", "~no-such-user/kit.json"),
        ("--data-dir", "~no-such-user", "users", "list"),
    ],
)
def test_the_folder_of_nobody_is_a_wrong_argument(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == EXIT_USAGE
    told = capsys.readouterr().err
    assert "~no-such-user" in told
    assert "[input.usage]" in told
