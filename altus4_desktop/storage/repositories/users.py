"""The table ``users``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.accounts import (
    Belongings,
    Role,
    User,
    UserPage,
    UserQuery,
    UserSummary,
)
from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import NotFoundError
from altus4_desktop.storage.repositories import user_lists
from altus4_desktop.storage.repositories.account_states import (
    USERS_AND_STATES,
    activity_due,
    record_activity,
    set_temporary,
)
from altus4_desktop.storage.repositories.analytics_marks import forget_figures
from altus4_desktop.storage.repositories.fitting import check_lengths, moved_on, server_now
from altus4_desktop.storage.repositories.metric_counts import forget_counts
from altus4_desktop.storage.repositories.search_marks import delete_marks
from altus4_desktop.storage.tables import account_states, users
from altus4_desktop.storage.transactions import Transactions

c = users.c
_RECORD = (
    c.id,
    c.name,
    c.email,
    c.role,
    c.preferences,
    c.timezone,
    c.created_at,
    c.updated_at,
    account_states.c.must_change_password,
    account_states.c.last_active_at,
)


def _always(connection: sa.Connection) -> bool:
    del connection
    return True


class UserRepository:
    """People who may sign in. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find_(self, user_id: str) -> User | None:
        """The user with this id."""
        return self._find(c.id == user_id)

    def find_by_email(self, email: str) -> User | None:
        """The user with exactly this address."""
        return self._find(c.email == email)

    def list_(self) -> list[User]:
        """All users, by name."""
        statement = sa.select(*_RECORD).select_from(USERS_AND_STATES)
        found = self._transactions.read(
            lambda connection: [_user(row) for row in connection.execute(statement).mappings()]
        )
        return sorted(found, key=lambda user: (user.name.casefold(), user.email))

    def create_(self, user: User, password_hash: str, events: Sequence[AuditEvent] = ()) -> User:
        """Insert ``user`` and return it as stored.

        Repeating it with the same id does nothing. Raises ConflictError for an address in use.
        """
        values = {**_values(user), "id": user.id, "password": password_hash}
        check_lengths(users, values, {})

        def work(connection: sa.Connection) -> None:
            _insert(connection, values)
            if user.must_change_password:
                set_temporary(connection, user.id, temporary=True)

        self._transactions.write(
            work,
            settled=lambda connection: _matches(connection, user.id, values),
            repeatable=True,
            events=events,
        )
        return self._get(user.id)

    def update_(self, user: User, events: Sequence[AuditEvent] = ()) -> User:
        """Change name, address, preferences and time zone; raises NotFoundError, ConflictError."""
        values = _values(user)
        del values["role"]
        check_lengths(users, values, {})
        self._change(user.id, values, events)
        return self._get(user.id)

    def create_first_admin(
        self, user: User, password_hash: str, events: Sequence[AuditEvent] = ()
    ) -> bool:
        """Insert ``user`` unless somebody besides the demo's account is there already; the demo's
        account is no admin from then on. Returns whether it was inserted."""
        values = {**_values(user), "id": user.id, "password": password_hash}
        check_lengths(users, values, {})
        first = True

        def work(connection: sa.Connection) -> bool:
            nonlocal first
            everybody = connection.execute(sa.select(c.id, c.preferences).with_for_update()).all()
            first = all(_is_demo(preferences) for _, preferences in everybody)
            if first:
                connection.execute(sa.update(users).values(role=Role.USER.value))
                _insert(connection, values)
            return first

        self._transactions.write(
            work, settled=lambda connection: _matches(connection, user.id, values), events=events
        )
        return first

    def set_role_keeping_an_admin(
        self, user_id: str, role: Role, events: Sequence[AuditEvent] = ()
    ) -> bool:
        """Change the role unless nobody but the demo's account would be admin; returns whether it
        was changed. Raises NotFoundError."""
        return self._change(
            user_id,
            {"role": role.value},
            events,
            allowed=lambda connection: (
                role is Role.ADMIN or not _is_last_admin(connection, user_id)
            ),
        )

    def find_password_hash(self, user_id: str) -> str | None:
        """The bcrypt hash of the user's password."""
        statement = sa.select(c.password).where(c.id == user_id)
        return self._transactions.read(
            lambda connection: connection.execute(statement).scalar_one_or_none()
        )

    def update_password_hash(
        self,
        user_id: str,
        password_hash: str,
        events: Sequence[AuditEvent] = (),
        *,
        temporary: bool | None = None,
    ) -> None:
        """Replace the hash; ``temporary``: whether it has to be changed at the next sign-in (None:
        as before). Raises NotFoundError."""
        self._change(user_id, {"password": password_hash}, events, temporary=temporary)

    def touch_(self, user_id: str) -> None:
        """Keep that the user is active now; nothing is written within a minute of the last time."""
        due = self._transactions.read(lambda connection: activity_due(connection, user_id))
        if due is not None:
            self._transactions.write(
                lambda connection: record_activity(connection, user_id), settled=_always
            )

    def list_page_(self, query: UserQuery, limit: int | None = None, offset: int = 0) -> UserPage:
        """Those whom ``query`` finds, at most ``limit`` of them from ``offset`` on, with how much
        each of them has."""
        which = user_lists.conditions(query)
        statement = (
            sa.select(*_RECORD)
            .select_from(USERS_AND_STATES)
            .where(*which)
            .order_by(*user_lists.order(query))
            .limit(limit)
            .offset(offset if limit is not None else None)
        )

        def read(connection: sa.Connection) -> UserPage:
            found = [_user(row) for row in connection.execute(statement).mappings()]
            keys, connections, searches = user_lists.count_by_owner(
                connection, [user.id for user in found]
            )
            total = connection.execute(
                sa.select(sa.func.count()).select_from(users).where(*which)
            ).scalar_one()
            return UserPage(
                tuple(
                    UserSummary(
                        user,
                        keys.get(user.id, 0),
                        connections.get(user.id, 0),
                        searches.get(user.id, 0),
                    )
                    for user in found
                ),
                total,
            )

        return self._transactions.read(read)

    def list_addresses_(
        self, text: str, user_ids: Collection[str] | None, limit: int
    ) -> dict[str, str]:
        """The addresses by id of those who have ``text`` in name or address, at most ``limit`` in
        their order; of ``user_ids`` alone unless that is None."""
        which = user_lists.conditions(UserQuery(text))
        if user_ids is not None:
            which.append(c.id.in_(user_ids))
        statement = sa.select(c.id, c.email).where(*which).order_by(c.email, c.id).limit(limit)
        return self._transactions.read(lambda connection: dict(connection.execute(statement).all()))

    def belongings_(self, user_id: str) -> Belongings:
        """What goes along when the user is deleted."""

        def read(connection: sa.Connection) -> Belongings:
            found = user_lists.find_belongings(connection, user_id)
            return replace(found, is_last_admin=_admin_ids(connection) == [user_id])

        return self._transactions.read(read)

    def delete_keeping_an_admin(self, user_id: str, events: Sequence[AuditEvent] = ()) -> bool:
        """Delete the user with connections, keys and history unless they are the last admin;
        returns whether they are gone. Raises NotFoundError."""
        done = True

        def work(connection: sa.Connection) -> bool:
            nonlocal done
            _lock(connection, user_id)
            done = not _is_last_admin(connection, user_id)
            if done:
                forget_figures(connection, user_id)
                delete_marks(connection, user_id)
                forget_counts(connection, user_id)
                connection.execute(sa.delete(users).where(c.id == user_id))
            return done

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(c.id == user_id)).first() is None

        self._transactions.write(work, settled=gone, events=events)
        return done

    def exists_real(self) -> bool:
        """Whether there is a user besides the demo's account."""
        return any(not user.is_demo for user in self.list_())

    def _find(self, condition: sa.ColumnElement[bool]) -> User | None:
        statement = sa.select(*_RECORD).select_from(USERS_AND_STATES).where(condition)
        row = self._transactions.read(
            lambda connection: connection.execute(statement).mappings().first()
        )
        return None if row is None else _user(row)

    def _get(self, user_id: str) -> User:
        user = self.find_(user_id)
        if user is None:
            raise _missing()
        return user

    def _change(
        self,
        user_id: str,
        values: Mapping[str, Any],
        events: Sequence[AuditEvent],
        allowed: Callable[[sa.Connection], bool] = _always,
        *,
        temporary: bool | None = None,
    ) -> bool:
        done = True
        written = dict(values)

        def work(connection: sa.Connection) -> bool:
            nonlocal done
            # The instant makes this very change known again, should its COMMIT go unanswered.
            written["updated_at"] = _lock(connection, user_id)
            done = allowed(connection)
            if done:
                connection.execute(sa.update(users).where(c.id == user_id).values(**written))
            if done and temporary is not None:
                set_temporary(connection, user_id, temporary=temporary)
            return done

        self._transactions.write(
            work, settled=lambda connection: _matches(connection, user_id, written), events=events
        )
        return done


def _insert(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    connection.execute(sa.insert(users).values(**values))


def _lock(connection: sa.Connection, user_id: str) -> datetime:
    """Keep everybody else from changing the user; returns the next ``updated_at``."""
    row = connection.execute(
        sa.select(server_now(), c.updated_at).where(c.id == user_id).with_for_update()
    ).first()
    if row is None:
        raise _missing()
    return moved_on(*row)


def _is_last_admin(connection: sa.Connection, user_id: str) -> bool:
    return _admin_ids(connection, lock=True) == [user_id]


def _admin_ids(connection: sa.Connection, *, lock: bool = False) -> list[str]:
    """Who is an admin, besides the demo's account; ``lock``: and stays one for now."""
    statement = sa.select(c.id, c.preferences).where(c.role == Role.ADMIN.value)
    admins = connection.execute(statement.with_for_update() if lock else statement).all()
    return [admin_id for admin_id, preferences in admins if not _is_demo(preferences)]


def _is_demo(preferences: Mapping[str, Any] | None) -> bool:
    return isinstance(preferences, dict) and bool(preferences.get("demo"))


def _matches(connection: sa.Connection, user_id: str, values: Mapping[str, Any]) -> bool:
    wanted = [c[name] for name in values]
    row = connection.execute(sa.select(*wanted).where(c.id == user_id)).first()
    return row is not None and list(row) == list(values.values())


def _values(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "preferences": dict(user.preferences),
        "timezone": user.timezone,
    }


def _user(row: Mapping[Any, Any]) -> User:
    preferences = row[c.preferences]
    return User(
        id=row[c.id],
        name=row[c.name],
        email=row[c.email],
        # Only "admin" may do more, whatever else another program wrote there.
        role=Role.ADMIN if row[c.role] == Role.ADMIN else Role.USER,
        preferences=preferences if isinstance(preferences, dict) else {},
        timezone=row[c.timezone] or "UTC",
        created_at=row[c.created_at],
        updated_at=row[c.updated_at],
        must_change_password=bool(row[account_states.c.must_change_password]),
        last_active_at=row[account_states.c.last_active_at],
    )


def _missing() -> NotFoundError:
    return NotFoundError("There is no such user.", code="user.not_found")
