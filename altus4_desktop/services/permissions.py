"""What an actor may do: the one place that says so."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.keys import KeyPermission

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService


class Right(Enum):
    """A kind of doing; whose rows it may be done to is said by `Permissions.owns`."""

    SEARCH = auto()
    """Search, read the history of searches, read and test connections."""
    ANALYSE = auto()
    """Read analytics."""
    MANAGE = auto()
    """Change one's own connections, keys, history and profile."""
    ADMINISTER = auto()
    """Everybody's rows, revisions, audit, backups."""
    USERS = auto()
    """Other people's accounts."""
    IN_PERSON = auto()
    """What no API key may do: passwords, staying signed in, making admins."""


_PERMISSION = {
    Right.SEARCH: KeyPermission.SEARCH,
    Right.ANALYSE: KeyPermission.ANALYTICS,
    Right.MANAGE: KeyPermission.ADMIN,
    Right.ADMINISTER: KeyPermission.ADMIN,
    Right.USERS: KeyPermission.ADMIN,
}


class Permissions:
    """Asks the store who somebody is now: a role may have changed since they signed in."""

    def __init__(self, metadata: MetadataService) -> None:
        self._metadata = metadata

    def check(self, actor: Actor, right: Right, *, temporary: bool = False) -> Actor:
        """The actor as the store knows them now; ``temporary``: also with a temporary password.

        Raises AccessError: ``access.gone`` for an account that is no more, ``access.key`` for an
        API key that does not allow it, ``access.password_change`` while their password is a
        temporary one, ``access.denied`` for all but admins, ``access.demo`` for the demo's account.
        """
        user = self._metadata.store.users.find_(actor.user_id)
        if user is None:
            raise AccessError(
                "This account does not exist any more.", hint="Sign in again.", code="access.gone"
            )
        allowed = actor.key_permissions
        if allowed is None:
            if user.must_change_password and not temporary:
                raise AccessError(
                    "Your password is a temporary one: choose your own first.",
                    hint="Sign in again, or use “users change-password”.",
                    code="access.password_change",
                )
        elif right is Right.IN_PERSON:
            raise AccessError(
                "No API key allows that.", hint="Sign in with your password.", code="access.key"
            )
        elif not allowed & {_PERMISSION[right], KeyPermission.ADMIN}:
            raise AccessError(
                "This API key does not allow that; it would need the permission {permission}.",
                hint="Use a key with that permission, or sign in.",
                code="access.key",
                details={"permission": _PERMISSION[right].value},
            )
        if right in (Right.ADMINISTER, Right.USERS) and user.role is not Role.ADMIN:
            raise AccessError("Only an admin may do that.", hint="Ask an admin.")
        if right is Right.USERS and user.is_demo:
            raise AccessError(
                "The demo account cannot look after users.",
                hint="Set up an admin account first.",
                code="access.demo",
            )
        return replace(
            actor,
            role=user.role,
            must_change_password=allowed is None and user.must_change_password,
        )

    def check_may_give(self, actor: Actor, role: Role) -> Actor:
        """`check` for giving somebody ``role``; raises AccessError.

        Only a person makes an admin: with a key, whoever has found one would sign in as an admin of
        their own, and stay when the key is revoked.
        """
        actor = self.check(actor, Right.USERS)
        return self.check(actor, Right.IN_PERSON) if role is Role.ADMIN else actor

    @staticmethod
    def owns(actor: Actor, owner_id: str) -> bool:
        """Whether a row of ``owner_id`` is the actor's to see and change: admins see all, but not
        by a key without the permission admin."""
        everything = actor.key_permissions is None or KeyPermission.ADMIN in actor.key_permissions
        return owner_id == actor.user_id or (actor.role is Role.ADMIN and everything)
