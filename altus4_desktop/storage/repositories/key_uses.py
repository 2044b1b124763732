"""The table ``key_uses``: how often each key was used lately, for everybody on the store."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import sqlalchemy as sa

from altus4_desktop.domain.keys import ApiKey, KeyState, KeyUse
from altus4_desktop.storage.repositories.api_keys import find_locked
from altus4_desktop.storage.repositories.fitting import server_now
from altus4_desktop.storage.tables import api_keys, key_uses
from altus4_desktop.storage.transactions import Transactions

c = key_uses.c
# A window is counted in this many slices; a slice that has begun to leave it counts still.
SLICES = 60
_MOST_USES = 2**31 - 1
_ADDRESS_LIMIT = 45
# Whoever uses a store in a file uses it on the computer it is on.
_THIS_COMPUTER = "127.0.0.1"


class KeyUseRepository:
    """Uses of keys. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions, dialect: str) -> None:
        self._transactions = transactions
        self._on_file = dialect == "sqlite"

    def count_(self, key: ApiKey, at: datetime) -> int:
        """How many uses the window of the key's limit that ends ``at`` holds."""
        slice_s = _slice_s(key)
        first = int(at.timestamp()) - key.limit.window_s - slice_s
        here = sa.and_(c.key_id == key.id, c.slice > first)
        statement = sa.select(sa.func.coalesce(sa.func.sum(c.uses), 0)).where(here)
        return int(
            self._transactions.read(lambda connection: connection.execute(statement).scalar_one())
        )

    def spend_(self, key_id: str) -> KeyUse:
        """Use the key once, unless it works no more or its limit is reached.

        Whoever else uses it waits for their turn, so that no window ever holds more than the limit.
        When the line breaks while it is saved, it may be counted twice.
        """
        use: KeyUse | None = None

        def work(connection: sa.Connection) -> bool:
            nonlocal use
            key = find_locked(connection, key_id)
            # Asked after waiting for the lock: the time of the statement before is when it began.
            now, address = self._now_and_address(connection)
            use = KeyUse(key, now)
            if key is None or key.state_at(now) in (KeyState.REVOKED, KeyState.EXPIRED):
                return False
            use = self._use(connection, key, now)
            if not use.counted:
                return False
            _touch(connection, key, now, address)
            return True

        def settled(connection: sa.Connection) -> bool:
            del connection
            return False

        self._transactions.write(work, settled=settled)
        assert use is not None  # noqa: S101  # the work has run when writing it returns
        return use

    def _now_and_address(self, connection: sa.Connection) -> tuple[datetime, str]:
        if self._on_file:
            return connection.execute(sa.select(server_now())).scalar_one(), _THIS_COMPUTER
        now, account = connection.execute(
            sa.select(server_now(), sa.literal_column("USER()", sa.String()))
        ).one()
        return now, _address(str(account).rpartition("@")[2])

    def _use(self, connection: sa.Connection, key: ApiKey, now: datetime) -> KeyUse:
        window_s = key.limit.window_s
        slice_s = _slice_s(key)
        second = int(now.timestamp())
        rows = connection.execute(
            sa.select(c.slice, c.uses).where(c.key_id == key.id).order_by(c.slice)
        ).all()
        left = [start for start, _ in rows if start + slice_s <= second - window_s]
        counting = {start: uses for start, uses in rows if start + slice_s > second - window_s}
        used = sum(counting.values())
        for start, uses in counting.items() if used >= key.limit.requests else ():
            used -= uses
            if used < key.limit.requests:
                free_at = datetime.fromtimestamp(start + slice_s + window_s, UTC)
                return KeyUse(key, now, free_at=free_at)
        # Named one by one: deleting a range would also keep others from adding beside it.
        if left:
            gone = sa.and_(c.key_id == key.id, c.slice.in_(left))
            connection.execute(sa.delete(key_uses).where(gone))
        start = second - second % slice_s
        if start in counting:
            here = sa.and_(c.key_id == key.id, c.slice == start)
            connection.execute(sa.update(key_uses).where(here).values(uses=counting[start] + 1))
        else:
            connection.execute(sa.insert(key_uses).values(key_id=key.id, slice=start, uses=1))
        return KeyUse(key, now, counted=True)


def _slice_s(key: ApiKey) -> int:
    return -(-key.limit.window_s // SLICES)


def _touch(connection: sa.Connection, key: ApiKey, now: datetime, address: str) -> None:
    row = api_keys.c.id == key.id
    connection.execute(
        sa.update(api_keys)
        .where(row)
        .values(
            last_used=now,
            last_used_ip=address,
            usage_count=min(key.usage_count + 1, _MOST_USES),
        )
    )
    # A use is no change; the statement above moved it on by itself.
    connection.execute(sa.update(api_keys).where(row).values(updated_at=key.updated_at))


def _address(host: str) -> str:
    """Where a server sees us: an address, or a name where it looks names up."""
    if host == "localhost":
        return _THIS_COMPUTER
    try:
        return str(ipaddress.ip_address(host))[:_ADDRESS_LIMIT]
    except ValueError:
        return host[:_ADDRESS_LIMIT]
