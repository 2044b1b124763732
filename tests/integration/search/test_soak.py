"""Mixed searches from many threads leave nothing behind."""

from __future__ import annotations

from tests.benchmarks.soak_search import KINDS, open_things, soak_services
from tests.servers import DatabaseServer


def test_mixed_searches_from_eight_threads_leave_nothing(
    mariadb_server: DatabaseServer, mysql_server: DatabaseServer
) -> None:
    servers = (mariadb_server, mysql_server)
    # Libraries and the language model open files of their own once.
    soak_services(servers, len(KINDS), KINDS)
    before = open_things()
    soak = soak_services(servers, 8 * len(KINDS), KINDS)
    assert not soak.unexpected
    assert soak.running == 0
    assert soak.asked == dict.fromkeys(KINDS, 8)
    assert soak.ended["ok"] > soak.ended["failed"] == 0
    assert soak.ended["refused"] == 8
    after = open_things()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
