"""Migration files of advised statements: numbered, whole, never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.index_health import AdviceStep, TableFacts, TextColumn
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.index_advice import candidate_columns


def a_table_of_text(*columns: TextColumn) -> TableFacts:
    return TableFacts("t", "InnoDB", 1, 1, 1, 0, partitioned=False, columns=columns, indexes=())


def a_step(table: str, statement: str, undo: str) -> AdviceStep:
    return AdviceStep(
        "create",
        table,
        "ft",
        ("body",),
        statement,
        undo,
        (Remark("“{table}” has none.", {"table": table}),),
        Remark("Reads it."),
        Remark("Writing waits."),
        False,
        1,
        1,
    )


def test_migration_files_take_the_next_number_and_undo_in_the_other_order(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    folder = tmp_path / "folder"
    (folder / "004_theirs.up.sql").write_text("-- theirs\n")
    service = compose(tmp_path / "data").index_health
    steps = [
        a_step("one\nDROP TABLE x", "ALTER 1;", "UNDO 1;"),
        a_step("two", "ALTER 2;", "UNDO 2;"),
    ]
    up, down = service.save_(steps, folder)
    assert (up.name, down.name) == (
        "005_fulltext_indexes.up.sql",
        "005_fulltext_indexes.down.sql",
    )
    said = [line for line in up.read_text().splitlines() if line and not line.startswith("-- ")]
    assert said == ["ALTER 1;", "ALTER 2;"]
    undone = [line for line in down.read_text().splitlines() if line and not line.startswith("--")]
    assert undone == ["UNDO 2;", "UNDO 1;"]
    assert service.save_(steps, folder)[0].name == "006_fulltext_indexes.up.sql"
    assert (folder / "004_theirs.up.sql").read_text() == "-- theirs\n"


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    service = compose(tmp_path / "data").index_health
    with pytest.raises(InputError):
        service.save_([], tmp_path)
    step = a_step("t", "A;", "B;")
    with pytest.raises(InputError):
        service.save_([step], tmp_path, "../elsewhere")
    with pytest.raises(AltusError) as failed:
        service.save_([step], tmp_path / "nowhere")
    assert failed.value.code == "export.failed"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "user_password_hash",
        "api_key",
        "auth_token",
        "passwordHash",
        "pin",
        "pass",
        "avatar_url",
        "uuid",
        "payload",
    ],
)
def test_columns_that_hold_secrets_or_no_prose_are_not_proposed(name: str) -> None:
    table = a_table_of_text(
        TextColumn(name, "text", "utf8mb4_0900_ai_ci", 65535),
        TextColumn("content", "text", "utf8mb4_0900_ai_ci", 65535),
    )
    assert candidate_columns(table) == ("content",)


@pytest.mark.parametrize("name", ["shipping_notes", "opinion", "passage", "hashtags_text"])
def test_columns_that_only_sound_secret_are_proposed(name: str) -> None:
    table = a_table_of_text(TextColumn(name, "text", "utf8mb4_0900_ai_ci", 65535))
    assert candidate_columns(table) == (name,)


def test_virtual_and_binary_columns_are_not_proposed_and_a_title_comes_first() -> None:
    table = a_table_of_text(
        TextColumn("body", "text", "utf8mb4_0900_ai_ci", 65535),
        TextColumn("made", "text", "utf8mb4_0900_ai_ci", 65535, virtual=True),
        TextColumn("headline", "varchar", "utf8mb4_0900_ai_ci", 200),
        TextColumn("note", "text", "utf8mb4_bin", 65535),
        TextColumn("tag", "varchar", "utf8mb4_0900_ai_ci", 10),
    )
    assert candidate_columns(table) == ("headline", "body")
