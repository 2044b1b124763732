import json
import stat
from pathlib import Path

import pytest

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.services.settings import Settings


def test_defaults_without_a_file(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert (settings.metadata_url, settings.theme) == (None, "auto")


def test_what_is_saved_comes_back_and_overrides_do_not(tmp_path: Path) -> None:
    settings = Settings.load(
        tmp_path / "new", metadata_url="sqlite:///other.db", metadata_password_secret="canary"
    )
    settings.theme = "dark"
    settings.save()
    path = tmp_path / "new" / "settings.json"
    assert "canary" not in path.read_text()
    assert "canary" not in repr(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Settings.load(tmp_path / "new")
    assert (again.theme, again.effective_metadata_url) == ("dark", None)
    assert settings.effective_metadata_url == "sqlite:///other.db"


@pytest.mark.parametrize("content", ["", "{", "3", '["a"]'])
def test_a_broken_file_is_refused_with_a_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(StoreError) as caught:
        Settings.load(tmp_path)
    assert caught.value.code == "settings.unreadable"
    assert caught.value.hint


def test_values_of_the_wrong_kind_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"theme": 7, "server_program": "x"}))
    settings = Settings.load(tmp_path)
    assert (settings.theme, settings.server_program) == ("auto", "x")


def test_what_another_program_has_changed_stays(tmp_path: Path) -> None:
    Settings.load(tmp_path).save()
    one, other = Settings.load(tmp_path), Settings.load(tmp_path)
    one.metadata_password_sealed = "under the new key"
    one.save()
    other.theme = "dark"
    other.save()
    assert other.metadata_password_sealed == "under the new key"
    one.reload()
    assert one.theme == "dark"
    other.metadata_password_sealed = None
    other.save()
    assert Settings.load(tmp_path).metadata_password_sealed is None


@pytest.mark.parametrize("minutes", [-1, 241, True, "5", None, 1e3])
def test_no_other_time_before_the_lock_is_taken(tmp_path: Path, minutes: object) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"lock_after_minutes": minutes}))
    assert Settings.load(tmp_path).lock_after_minutes == 0
    (tmp_path / "settings.json").write_text(json.dumps({"lock_after_minutes": 240}))
    assert Settings.load(tmp_path).lock_after_minutes == 240


@pytest.mark.parametrize("hours", [-1, 169, "24", None])
def test_an_odd_schedule_of_backups_is_the_usual_one(tmp_path: Path, hours: object) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"backup_every_hours": hours}))
    assert Settings.load(tmp_path).backup_every_hours == 24
    (tmp_path / "settings.json").write_text(json.dumps({"backup_every_hours": 0}))
    assert Settings.load(tmp_path).backup_every_hours == 0
