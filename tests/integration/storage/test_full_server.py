"""The server of the metadata store has no room left: that is said, what was saved stays, nothing
is half there, and once there is room the program goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pymysql
import pytest
from pymysql.constants.ER import RECORD_FILE_FULL

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from tests import torture
from tests.records import a_search, a_user
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place

pytestmark = [
    pytest.mark.torture,
    # MariaDB ends itself now and then when its only file is full: no fault of ours, seen by whoever
    # has the time to try again.
    pytest.mark.skipif(not torture.tortured(), reason="a full MariaDB may end itself"),
]

# Everything in one file that may not grow on, as on a disk that is full.
_OPTIONS = ("--innodb-file-per-table=OFF", "--innodb-data-file-path=ibdata1:12M:autoextend:max:{}M")
_MOST_MB = 64
_TEXT = "x" * 60_000


@pytest.mark.parametrize("flavour", [*Flavour], ids=str)
def test_a_full_disk_is_said_and_survived(
    private_server: Callable[..., DatabaseServer], flavour: Flavour
) -> None:
    server = private_server(flavour, _options(_MOST_MB))
    place = server_place(server, server.create_database())
    with closing(place.open()) as store:
        store.migrator.upgrade()
        user = store.users.create_(a_user(), "x")
        _fill(server, place)
        saved: list[str] = []

        def save_more() -> None:
            while len(saved) < 1_000:
                record = a_search(user, f"{len(saved)} {_TEXT}")
                store.searches.add_(record)
                saved.append(record.id)

        with pytest.raises(StoreError) as caught:
            save_more()
        assert caught.value.code == "store.full"
        assert caught.value.hint
        assert {str(row[0]) for row in place.query("SELECT id FROM searches")} == {*saved}
        assert store.users.find_(user.id) is not None
        # Somebody gives it a larger disk; full as it is, MariaDB cannot even drop a table.
        server.stop()
        server._options = _options(2 * _MOST_MB)
        server.start()
        again = a_search(user, f"again {_TEXT}")
        store.searches.add_(again)
        kept = {str(row[0]) for row in place.query("SELECT id FROM searches")}
        assert kept == {*saved, again.id}
    torture.tell(f"{flavour}: full after {len(saved)} rows: said, none lost, and gone on with")


def _options(most_mb: int) -> tuple[str, ...]:
    return tuple(option.format(most_mb) for option in _OPTIONS)


def _fill(server: DatabaseServer, place: StorePlace) -> None:
    """Take up what room there is."""
    place.query("CREATE TABLE filler (id INT AUTO_INCREMENT PRIMARY KEY, room LONGTEXT)")
    with (
        closing(server.admin(place.location.database)) as connection,
        connection.cursor() as cursor,
    ):
        try:
            while True:
                cursor.execute("INSERT INTO filler (room) VALUES (REPEAT('x', 500000))")
        except pymysql.err.OperationalError as error:
            if error.args[0] != RECORD_FILE_FULL:
                raise
