import logging
import stat
from pathlib import Path

import pytest

from altus4_desktop.app import window
from altus4_desktop.app.logs import open_log, redact

CANARY = "s3cr3t-canary"


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://anna:{CANARY}@db.example:3306/shop",
        f"mysql+pymysql://anna:{CANARY}@db/shop?charset=utf8mb4",
        f"password={CANARY}",
        f"password='{CANARY} and more {CANARY}'",
        f"{{'password_secret': '{CANARY}', 'host': 'db'}}",
        f'{{"passphrase": "{CANARY}"}}',
        f"ALTUS4_PASSWORD={CANARY}",
        f"CREATE USER 'x'@'%' IDENTIFIED BY '{CANARY}'",
        f"altus4_sk_live_{CANARY.replace('-', '')}",
        "v1.k1." + CANARY + "AAAA." + CANARY + "BBBB",
        "$2b$12$" + (CANARY.replace("-", "") * 6)[:53],
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    hidden = redact(text)
    assert CANARY not in hidden
    assert CANARY.replace("-", "") not in hidden
    assert "[hidden]" in hidden


def test_harmless_text_stays() -> None:
    text = "SELECT id FROM articles WHERE MATCH(title) AGAINST('password policy')"
    assert redact(text) == text


def test_the_log_file_is_private_and_redacted(tmp_path: Path) -> None:
    path = open_log(tmp_path)
    try:
        raise ValueError(f"password={CANARY}")
    except ValueError:
        logging.getLogger("altus4_desktop").exception("it failed for mysql://a:%s@h/d", CANARY)
    written = path.read_text("utf-8")
    assert CANARY not in written
    assert "ValueError" in written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_libraries_warn_of_goes_into_the_windows_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("faulthandler.enable", lambda file: file.close())
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    window._open_log(tmp_path)
    logging.getLogger("sqlalchemy.pool").error("the line broke: password=%s", CANARY)
    written = (tmp_path / "logs" / "altus4.log").read_text("utf-8")
    assert written.count("the line broke: password=[hidden]") == 1
    assert capsys.readouterr().err == ""
