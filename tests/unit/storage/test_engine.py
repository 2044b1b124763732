"""Connections of the store to a server that says nothing."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.storage import engine
from altus4_desktop.storage.engine import build_engine
from altus4_desktop.storage.location import parse_store_url
from tests.faults import Listener
from tests.waiting import wait_until


class _Silent(Listener):
    """Takes every call, and counts them."""

    calls = 0

    def handle(self, client: socket.socket) -> None:
        self.calls += 1
        while client.recv(4096):
            pass


@pytest.mark.parametrize(("moment_s", "calls"), [(60.0, 1), (0.0, 2)])
def test_who_waited_behind_a_silent_server_does_not_wait_as_well(
    monkeypatch: pytest.MonkeyPatch, moment_s: float, calls: int
) -> None:
    monkeypatch.setattr(engine, "_SAME_FATE_S", moment_s)
    with closing(_Silent()) as server:
        location = parse_store_url(f"mysql://ada@127.0.0.1:{server.port}/meta")
        made = build_engine(location, "x", sign_in_s=0.2)
        said = []
        for _ in range(2):
            with pytest.raises(TenantError) as caught:
                made.connect()
            assert caught.value.failure is TenantFailure.TIMEOUT
            said.append(caught.value.message)
        # Who asks anew may be told so at another step of the sign-in.
        assert calls == 2 or said[0] == said[1]
        wait_until(lambda: server.calls == calls, timeout_s=5, what="the calls")
