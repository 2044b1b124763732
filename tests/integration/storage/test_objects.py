"""Views, routines and events in the store's database: in a backup, compared, and put back."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.backups import BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from tests.integration.storage.test_backups import (
    fill,
    grant_scratch,
    make,
    opened,
    pass_off,
    server_of,
    verify,
)
from tests.integration.storage.test_restoring import beside, grant_beside
from tests.servers import DatabaseServer
from tests.stores import StorePlace

_TOKEN = CancelToken()
_READS_ROUTINES = {
    Flavour.MYSQL: "SHOW_ROUTINE ON *.*",
    Flavour.MARIADB: "SELECT ON mysql.proc",
}
_SPEAKS_FOR_OTHERS = {
    Flavour.MYSQL: "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER",
    Flavour.MARIADB: "SET USER",
}
_FAR = "2037-01-01 00:00:00"
_DAILY = f"ON SCHEDULE EVERY 1 DAY STARTS '{_FAR}'"
_DELETES = "DELETE FROM searches WHERE query = 'é'"
_MADE = (
    "CREATE FUNCTION plus_one(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1",
    "CREATE PROCEDURE `odd ``one`()\nBEGIN\n  SELECT 1; -- ;\n  SELECT COUNT(*) FROM users;\nEND",
    "CREATE VIEW many AS SELECT user_id, plus_one(COUNT(*)) AS n FROM searches GROUP BY user_id",
    # Its name comes before that of the view it reads.
    "CREATE SQL SECURITY INVOKER VIEW a_few AS SELECT n FROM many WHERE n > 1",
    "CREATE VIEW checked AS SELECT id, name FROM users WHERE name <> '' WITH CASCADED CHECK OPTION",
    f"CREATE EVENT nightly {_DAILY} COMMENT 'ON COMPLETION PRESERVE DISABLE' DO {_DELETES}",
    f"CREATE EVENT once ON SCHEDULE AT '{_FAR}' ON COMPLETION PRESERVE DISABLE DO {_DELETES}",
    "CREATE TRIGGER foreign_one BEFORE UPDATE ON searches FOR EACH ROW SET @foreign_one = 1",
)
_CHANGED = (
    "DROP VIEW a_few",
    "DROP FUNCTION plus_one",
    "CREATE FUNCTION plus_one(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 2",
    "DROP PROCEDURE `odd ``one`",
    "DROP TRIGGER foreign_one",
    "ALTER EVENT nightly DISABLE",
    "DROP EVENT once",
    "CREATE VIEW later AS SELECT 1 AS one",
    f"CREATE EVENT later {_DAILY} DO {_DELETES}",
)
_SHOWN = (
    ("VIEW", "TABLE_NAME", "VIEWS WHERE TABLE_SCHEMA"),
    ("FUNCTION", "ROUTINE_NAME", "ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA"),
    ("PROCEDURE", "ROUTINE_NAME", "ROUTINES WHERE ROUTINE_TYPE = 'PROCEDURE' AND ROUTINE_SCHEMA"),
    ("EVENT", "EVENT_NAME", "EVENTS WHERE EVENT_SCHEMA"),
    ("TRIGGER", "TRIGGER_NAME", "TRIGGERS WHERE TRIGGER_SCHEMA"),
)


def objects(server: DatabaseServer, database: str) -> dict[tuple[str, str], str]:
    """How the server says each would be made, definers and states included."""
    found = {}
    for kind, column, place in _SHOWN:
        names = server.execute(f"SELECT {column} FROM information_schema.{place} = '{database}'")
        for (name,) in names:
            quoted = str(name).replace("`", "``")
            row = server.execute(f"SHOW CREATE {kind} `{quoted}`", database=database)[0]
            # When a trigger was made is no part of it.
            found[kind, str(name)] = repr(row[:6])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups" / "store")


@pytest.fixture
def server(on_server: StorePlace, request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """The store's server, where its account may do all that a whole backup takes."""
    server = server_of(on_server, request)
    grant_scratch(server, on_server)
    grant_beside(server, on_server)
    user, database = on_server.location.username, on_server.location.database
    server.execute(
        f"GRANT ALL PRIVILEGES ON `{database}`.* TO '{user}'@'%'",
        f"GRANT {_READS_ROUTINES[server.flavour]} TO '{user}'@'%'",
    )
    yield server
    for name in beside(server, on_server):
        server.drop_database(name)


@pytest.mark.parametrize("speaks_for_others", [True, False], ids=["any definer", "own definer"])
def test_all_of_them_are_put_back(
    on_server: StorePlace, server: DatabaseServer, folder: BackupFolder, speaks_for_others: bool
) -> None:
    user, database = on_server.location.username, on_server.location.database
    if speaks_for_others:
        server.execute(f"GRANT {_SPEAKS_FOR_OTHERS[server.flavour]} ON *.* TO '{user}'@'%'")
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        server.execute(*_MADE, database=database)
        if server.flavour is Flavour.MYSQL:
            backup = make(store, folder)
            with pytest.raises(StoreError) as caught:
                store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
            assert caught.value.code == "backup.no_right"
            assert "GRANT SYSTEM_USER" in caught.value.hint
            assert beside(server, on_server) == []
            server.execute(f"GRANT SYSTEM_USER ON *.* TO '{user}'@'%'")
        then, drift = objects(server, database), store.migrator.drift()
        assert len(then) == len(_MADE) + 2
        backup = make(store, folder)
        assert backup.left_out == ()
        found = verify(store, folder, backup)
        assert (found.state, found.problem) == (BackupState.GOOD, "")

        server.execute(*_CHANGED, database=database)
        later = objects(server, database)
        run = store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        now, kept = objects(server, database), objects(server, run.kept)
        if not speaks_for_others:
            assert run.replaced_definers == ("root@localhost",)
            then, later = (_defined_by(user, texts) for texts in (then, later))
            now, kept = (_defined_by(user, texts) for texts in (now, kept))
        else:
            assert run.replaced_definers == ()
        assert now == then
        switched_off = {
            key: text.replace("NOT PRESERVE", "PRESERVE").replace(
                "PRESERVE ENABLE", "PRESERVE DISABLE"
            )
            for key, text in later.items()
        }
        assert kept == switched_off
        assert server.execute("SELECT n FROM a_few", database=database) == [(21,)]
        assert store.migrator.drift() == drift

        # Beside the store, they do nothing by themselves.
        name = f"{database}_beside"
        store.backups.restore(folder, backup.id, name, None, ignore_progress, _TOKEN)
        assert {key[1] for key in objects(server, name)} == {key[1] for key in then}
        states = server.execute(
            f"SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{name}'"
        )
        assert states == [("DISABLED",)] * 2


def _defined_by(user: str, texts: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """As if all of it had one definer."""
    return {
        key: re.sub(r"DEFINER=`[^`]*`@`[^`]*`", f"DEFINER=`{user}`@`%`", text)
        for key, text in texts.items()
    }


def test_a_trigger_that_names_its_database_leads_nowhere_else(
    on_server: StorePlace, server: DatabaseServer, folder: BackupFolder
) -> None:
    database = on_server.location.database
    made = (
        f"CREATE TRIGGER `{database}`.named AFTER UPDATE\nON {database}.searches\n"
        "FOR EACH ROW SET @named = 1"
    )
    # The account may speak for its owner: nothing but where it leads is another.
    rights = _SPEAKS_FOR_OTHERS[server.flavour] + (
        ", SYSTEM_USER" if server.flavour is Flavour.MYSQL else ""
    )
    server.execute(f"GRANT {rights} ON *.* TO '{on_server.location.username}'@'%'")
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        server.execute(made, database=database)
        backup = make(store, folder)
        # A trial that led back to the store would make it there.
        server.execute("DROP TRIGGER named", database=database)
        before = objects(server, database)
        found = verify(store, folder, backup)
        assert (found.state, found.problem) == (BackupState.GOOD, "")
        assert objects(server, database) == before
        server.execute(made, database=database)
        run = store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        for name in (database, run.kept):
            assert ("TRIGGER", "named") in objects(server, name)


def test_what_is_made_otherwise_is_bad(
    on_server: StorePlace, server: DatabaseServer, folder: BackupFolder
) -> None:
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        server.execute(*_MADE, database=on_server.location.database)
        backup = make(store, folder)
        text = gzip.decompress(folder.file(backup).read_bytes())
        for pattern, change, said in (
            (rb"> 1", b"> 2", "another view a_few"),
            (rb"RETURN a \+ 1", b"RETURN a + 3", "another function plus_one"),
            (rb"-- ;", b"-- .", "another procedure odd `one"),
            (rb"DO DELETE FROM", b"DO DELETE LOW_PRIORITY FROM", "another event nightly"),
            (rb"SET @foreign_one = 1", b"SET @foreign_one = 2", "another trigger foreign_one"),
            (
                rb"KEY `idx_history_count` \(`result_count`",
                b"KEY `idx_history_count` (`id`",
                "other indexes in searches",
            ),
            (
                rb"  CONSTRAINT `fk_searches_database_id`[^\n]*,\n",
                b"",
                "other foreign keys in searches",
            ),
            (rb"`query` varchar\(1000\)", b"`query` varchar(1001)", "other columns in searches"),
            (rb"/\*!50003 CREATE\*/ [^\n]*foreign_one.*?;;", b"", "trigger foreign_one is missing"),
        ):
            changed, count = re.subn(pattern, change, text, count=1, flags=re.S)
            assert count == 1, pattern
            pass_off(folder, backup, changed)
            found = verify(store, folder, backup)
            assert found.state is BackupState.BAD, said
            assert said in found.problem


def test_a_manifest_that_does_not_say_leaves_them_alone(
    on_server: StorePlace, server: DatabaseServer, folder: BackupFolder
) -> None:
    database = on_server.location.database
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        server.execute(*_MADE[:-1], database=database)
        backup = make(store, folder)
        folder.write(replace(backup, objects=None))
        assert verify(store, folder, backup).state is BackupState.GOOD
        server.execute(*_CHANGED[:3], database=database)
        before = objects(server, database)
        store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        assert objects(server, database) == before


def test_triggers_that_an_account_does_not_see_stay(
    on_server: StorePlace, server: DatabaseServer, folder: BackupFolder
) -> None:
    database = on_server.location.database
    account = server.create_account("USAGE")
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        server.execute(_MADE[-1], database=database)
        for (name,) in server.execute(f"SHOW TABLES FROM `{database}`"):
            server.execute(f"GRANT SELECT ON `{database}`.`{name}` TO '{account.username}'@'%'")
        location = replace(on_server.location, username=account.username)
        with opened(replace(on_server, location=location, password=account.password)) as low:
            backup = make(low, folder)
        assert "triggers" in backup.left_out
        before = objects(server, database)
        assert len(before) == 3
        run = store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        now, kept = objects(server, database), objects(server, run.kept)
        user = on_server.location.username
        assert _defined_by(user, now) == _defined_by(user, kept) == _defined_by(user, before)
