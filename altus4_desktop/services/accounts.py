"""People: the first admin, signing in, staying signed in, and what an admin may do to others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import (
    DEMO_EMAIL,
    Actor,
    Belongings,
    Role,
    User,
    UserDraft,
    UserPage,
    UserQuery,
)
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    ConflictError,
    InputError,
    NotFoundError,
    SchemaError,
    VaultError,
)
from altus4_desktop.services.account_drafts import (
    apply_draft,
    build_refusal,
    build_user,
    build_user_event,
    user_facts,
)
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.session_file import SessionFile
from altus4_desktop.services.sign_in_waits import find_wait
from altus4_desktop.vault import VaultKind
from altus4_desktop.vault.passwords import (
    DEFAULT_COST,
    check_new_password,
    generate_password,
    generate_readable_password,
    hash_password,
    needs_rehash,
    unknown_user_hash,
    verify_password,
)

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.resealing import Resealer
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.storage.store import Store

_log = logging.getLogger(__name__)

_TEXT_LIMIT = 254


def utc_now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)


class AccountsService:
    """Accounts of the metadata store; the rules hold whoever calls."""

    sealed_what = "the remembered sign-in"

    def __init__(
        self,
        metadata: MetadataService,
        vault: VaultService,
        permissions: Permissions,
        data_dir: Path,
        clock: Callable[[], datetime] = utc_now,
        *,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> None:
        self._metadata = metadata
        self._vault = vault
        self._permissions = permissions
        self._session_file = SessionFile(data_dir, vault)
        self._clock = clock
        self._cost = bcrypt_cost
        self._told_waits: dict[str, int] = {}
        self.on_zone_changed: Callable[[str], None] | None = None
        """Told whose days begin at another moment now."""

    def needs_setup(self) -> bool:
        """Whether nobody but the demo has an account yet."""
        return not self._store.users.exists_real()

    def create_first_admin(
        self, name: str, email: str, password_secret: str, timezone: str = "UTC"
    ) -> Actor:
        """Make the first account, an admin, and take that role from the demo's account.

        Raises InputError, AccessError when somebody has an account already.
        """
        user = build_user(UserDraft(name, email, timezone), Role.ADMIN)
        check_new_password(password_secret)
        if not self.needs_setup():
            raise _setup_done()
        password_hash = hash_password(password_secret, self._cost)
        event = build_user_event(user.as_actor(), "user.created", user, after=user_facts(user))
        if not self._store.users.create_first_admin(user, password_hash, [event]):
            raise _setup_done()
        return user.as_actor()

    def open_demo_account(self) -> Actor:
        """The demo's account, made when absent; an admin only while nobody else has an account."""
        users = self._store.users
        role = Role.ADMIN if self.needs_setup() else Role.USER
        found = next((user for user in users.list_() if user.is_demo), None)
        if found is None:
            demo = build_user(UserDraft("Demo", DEMO_EMAIL), role, demo=True)
            event = build_user_event(None, "user.created", demo, after=user_facts(demo))
            found = users.create_(demo, hash_password(generate_password(), self._cost), [event])
        return found.as_actor()

    def sign_in(self, email: str, password_secret: str) -> Actor:
        """Sign in with e-mail and password.

        Raises AccessError: ``access.credentials`` for any wrong pair, known or not;
        ``access.backoff`` after too many of them (details ``wait_s``).
        """
        email = email.strip().lower()
        user = self._find_with_password(email, password_secret, "session.signed_in")
        if user is None:
            raise _wrong_pair()
        self._store.users.touch_(user.id)
        return user.as_actor()

    def unlock(self, actor: Actor, password_secret: str) -> Actor | None:
        """The actor as they are now if that is their password, else None; counts towards the
        waiting time like a sign-in.

        Raises AccessError (``access.gone``, ``access.backoff``).
        """
        actor = self._permissions.check(actor, Right.IN_PERSON, temporary=True)
        known = self._seen(actor, actor.user_id)
        user = self._find_with_password(known.email, password_secret, "session.unlocked")
        return None if user is None else user.as_actor()

    def remember(self, actor: Actor) -> None:
        """Keep the actor signed in on this computer until `forget` or a new password.

        Raises AccessError, VaultLockedError, VaultError (``vault.session_only``) when the vault
        forgets.
        """
        self._permissions.check(actor, Right.IN_PERSON)
        if self._vault.status().kind is VaultKind.SESSION:
            raise VaultError(
                "You cannot stay signed in: secrets are kept only until the program ends.",
                hint="Set up the keyring or a passphrase first.",
                code="vault.session_only",
            )
        password_hash = self._store.users.find_password_hash(actor.user_id)
        if password_hash is None:
            raise _no_such_user(actor.email)
        self._session_file.keep(actor.user_id, password_hash)

    def resume(self) -> Actor | None:
        """The remembered actor as they are now; None, and forgotten, when that is no longer true.

        Somebody whom this store does not know may be remembered for another one. Raises
        VaultLockedError while the vault cannot tell.
        """
        kept = self._session_file.find_()
        if kept is None:
            return None
        user_id, record = kept
        user = self._store.users.find_(user_id)
        password_hash = self._store.users.find_password_hash(user_id)
        if user is None:
            return None
        if password_hash is not None and self._session_file.proves(record, user_id, password_hash):
            actor = user.as_actor()
            event = build_user_event(actor, "session.resumed", user)
            self._store.audit.add_([event], even_unaudited=user.role is Role.ADMIN)
            self._store.users.touch_(user_id)
            return actor
        self.forget()
        return None

    def forget(self) -> None:
        """Sign nobody in at the next start."""
        self._session_file.forget()

    def sign_out(self, actor: Actor) -> None:
        """`forget`; that the actor did it is written down where it can be."""
        self.forget()
        event = build_event(
            actor, "session.signed_out", SubjectKind.USER, actor.user_id, actor.email
        )
        try:
            self._store.audit.add_([event])
        except AltusError as error:
            _log.warning("The sign-out was not written down: %s", error.code)

    def sealed_in_file(self) -> list[str]:
        """The record of the remembered sign-in; raises VaultError."""
        kept = self._session_file.find_()
        return [] if kept is None else [kept[1]]

    def reseal_file_(self, resealer: Resealer) -> int:
        """Move the remembered sign-in to the current key; what proves nothing, or is another
        store's, is forgotten. Raises StoreError, VaultLockedError, VaultError."""
        kept = self._session_file.find_()
        if kept is None or not resealer.needs(kept[1]):
            return 0
        user_id, record = kept
        password_hash = self._store.users.find_password_hash(user_id)
        if password_hash is None or not self._session_file.proves(record, user_id, password_hash):
            self.forget()
            return 0
        self._session_file.reseal(user_id, record, password_hash, resealer)
        return 1

    def list_users(
        self,
        actor: Actor,
        query: UserQuery | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> UserPage:
        """The accounts that ``query`` finds, at most ``limit`` from ``offset`` on, with what each
        has; raises AccessError for all but admins."""
        self._permissions.check(actor, Right.USERS)
        asked = query or UserQuery()
        asked = replace(asked, text=asked.text.strip()[:_TEXT_LIMIT])
        return self._store.users.list_page_(asked, limit, offset)

    def list_addresses(
        self,
        actor: Actor,
        text: str = "",
        *,
        user_ids: Collection[str] | None = None,
        limit: int = 200,
    ) -> Mapping[str, str]:
        """The addresses by id of the accounts with ``text`` in name or address, or of those among
        ``user_ids``, at most ``limit`` in their order; raises AccessError for all but admins."""
        self._permissions.check(actor, Right.ADMINISTER)
        return self._store.users.list_addresses_(text.strip()[:_TEXT_LIMIT], user_ids, limit)

    def get_user(self, actor: Actor, email_or_id: str) -> User:
        """One account; raises AccessError for all but admins, NotFoundError."""
        return self._seen(self._permissions.check(actor, Right.USERS), email_or_id)

    def get_belongings(self, actor: Actor, user_id: str) -> Belongings:
        """What goes along when the user is deleted; raises AccessError, NotFoundError."""
        user = self.get_user(actor, user_id)
        return self._store.users.belongings_(user.id)

    def create_user(
        self,
        actor: Actor,
        name: str,
        email: str,
        password_secret: str,
        role: Role = Role.USER,
        *,
        timezone: str = "UTC",
        temporary: bool = False,
    ) -> User:
        """Make an account; ``temporary``: its password has to be changed at the first sign-in. No
        API key makes an admin.

        Raises AccessError, InputError, ConflictError for a known e-mail.
        """
        actor = self._permissions.check_may_give(actor, role)
        draft = UserDraft(name, email, timezone)
        user = build_user(draft, role, must_change_password=temporary)
        check_new_password(password_secret)
        if self._store.users.find_by_email(user.email) is not None:
            raise _email_taken(user.email)
        event = build_user_event(actor, "user.created", user, after=user_facts(user))
        password_hash = hash_password(password_secret, self._cost)
        return self._store.users.create_(user, password_hash, [event])

    def update_user(self, actor: Actor, user_id: str, draft: UserDraft) -> User:
        """Change somebody's name, address, time zone and preferences.

        Raises AccessError, NotFoundError, InputError, ConflictError for a known e-mail, and for
        one's own: that takes one's password, with `update_profile`.
        """
        actor = self._permissions.check(actor, Right.USERS)
        user = self._seen(actor, user_id)
        self._check_not_demo(user)
        changed = apply_draft(user, draft)
        if user.id == actor.user_id and changed.email != user.email:
            raise ConflictError(
                "Your own e-mail address is changed in your profile, with your password.",
                code="user.own_email",
            )
        return self._update(actor, user, changed)

    def set_role(self, actor: Actor, user_id: str, role: Role) -> User:
        """Change what a user may do; no API key makes an admin. Raises AccessError, NotFoundError,
        ConflictError for the last admin."""
        actor = self._permissions.check_may_give(actor, role)
        user = self._seen(actor, user_id)
        self._check_not_demo(user)
        before, after = {"role": user.role.value}, {"role": role.value}
        event = build_user_event(actor, "user.role_changed", user, before=before, after=after)
        if not self._store.users.set_role_keeping_an_admin(user.id, role, [event]):
            raise _last_admin(user.email)
        return replace(user, role=role)

    def reset_password(self, actor: Actor, user_id: str, password_secret: str) -> None:
        """Give somebody else a temporary password, which they change at the next sign-in; ends
        their remembered sign-ins and their waiting time.

        Raises AccessError, NotFoundError, InputError, ConflictError for one's own.
        """
        actor = self._permissions.check(actor, Right.USERS)
        self._permissions.check(actor, Right.IN_PERSON)
        user = self._seen(actor, user_id)
        self._check_not_demo(user)
        if user.id == actor.user_id:
            raise ConflictError(
                "Your own password is changed with the one you have.",
                hint="Use “Change password”, or “users change-password”.",
                code="user.own_password",
            )
        check_new_password(password_secret)
        self._store.users.update_password_hash(
            user.id,
            hash_password(password_secret, self._cost),
            [build_user_event(actor, "user.password_reset", user)],
            temporary=True,
        )
        self._store.sign_ins.clear(user.email)

    def delete_user(self, actor: Actor, user_id: str, confirmed_email: str = "") -> None:
        """Remove a user with their connections, keys, saved searches, query sets and history.

        One whose keys were used within the last seven days is removed only when
        ``confirmed_email`` is theirs: raises ConflictError (``user.keys_in_use``). Raises
        AccessError, NotFoundError, ConflictError for the last admin.
        """
        actor = self._permissions.check(actor, Right.USERS)
        user = self._seen(actor, user_id)
        along = self._store.users.belongings_(user.id)
        if along.keys_in_use and confirmed_email.strip().lower() != user.email:
            raise ConflictError(
                "{count} API keys of “{email}” were used within the last seven days.",
                hint="Whatever uses them will fail. Name the account by its e-mail address to "
                "delete it all the same.",
                code="user.keys_in_use",
                details={"count": along.keys_in_use, "email": user.email},
            )
        before = {
            **user_facts(user),
            "keys": along.keys,
            "connections": along.connections,
            "saved_searches": along.saved_searches,
            "searches": along.searches,
            "query_sets": along.query_sets,
        }
        event = build_user_event(actor, "user.deleted", user, before=before)
        if not self._store.users.delete_keeping_an_admin(user.id, [event]):
            raise _last_admin(user.email)
        self._store.sign_ins.clear(user.email)

    def get_profile(self, actor: Actor) -> User:
        """The actor's own account; raises AccessError."""
        actor = self._permissions.check(actor, Right.MANAGE)
        return self._seen(actor, actor.user_id)

    def update_profile(self, actor: Actor, draft: UserDraft, password_secret: str = "") -> User:
        """Change one's own name, address, time zone and preferences; a new address takes one's
        password.

        Raises AccessError (``access.backoff`` after too many wrong passwords), InputError,
        ConflictError for a known e-mail.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        user = self._seen(actor, actor.user_id)
        self._check_not_demo(user)
        changed = apply_draft(user, draft)
        if changed.email != user.email:
            actor = self._permissions.check(actor, Right.IN_PERSON)
            self._check_own_password(user, password_secret)
        return self._update(actor, user, changed)

    def change_password(self, actor: Actor, password_secret: str, new_secret: str) -> Actor:
        """Give oneself another password; a temporary one is none any more.

        Remembered sign-ins on other computers end, the one on this computer stays. Raises
        AccessError (``access.backoff`` after too many wrong passwords), InputError.
        """
        actor = self._permissions.check(actor, Right.IN_PERSON, temporary=True)
        user = self._seen(actor, actor.user_id)
        self._check_not_demo(user)
        self._check_own_password(user, password_secret)
        if new_secret == password_secret:
            raise InputError("new_password", "That is the password you have: choose another.")
        check_new_password(new_secret, "new_password")
        is_remembered = self._is_remembered(user)
        self._store.users.update_password_hash(
            user.id,
            hash_password(new_secret, self._cost),
            [build_user_event(actor, "user.password_changed", user)],
            temporary=False,
        )
        now = replace(actor, must_change_password=False)
        if is_remembered:
            # The password is changed whatever the vault says; at worst one signs in once more.
            with suppress(VaultError):
                self.remember(now)
        return now

    def sign_in_early(self, email: str, password_secret: str) -> Actor:
        """`sign_in` for the metadata store's revisions, also while it is behind this program.

        Raises as `sign_in` does.
        """
        email = email.strip().lower()
        with self._metadata.working_on() as store:
            counts = "sign_in_failures" in store.table_names()
            now = self._clock()
            wait = find_wait(store.sign_ins, email, now) if counts else None
            if wait is not None:
                raise wait.refusal()
            user = store.early_users.find_by_email(email)
            password_hash = user.password_hash if user else unknown_user_hash(self._cost)
            known = verify_password(password_secret, password_hash)
            if user is None or not known:
                if counts:
                    refused = build_refusal(user.actor if user else None)
                    store.sign_ins.record_failure(email, now, [refused])
                raise _wrong_pair()
            if counts:
                store.sign_ins.clear(email)
            return user.actor

    def resume_early(self) -> Actor | None:
        """`resume` for the metadata store's revisions, also while it is behind this program."""
        kept = self._session_file.find_()
        if kept is None:
            return None
        user_id, record = kept
        with self._metadata.working_on() as store:
            user = store.early_users.find_(user_id)
        if user is None or not self._session_file.proves(record, user_id, user.password_hash):
            return None
        return user.actor

    @staticmethod
    def generate_temporary_password() -> str:
        """A random password that can be read out."""
        return generate_readable_password()

    @property
    def _store(self) -> Store:
        return self._metadata.store

    def _find_with_password(
        self, email: str, password_secret: str, action: str = ""
    ) -> User | None:
        """The user of that address and password; ``action``, and a wrong password, are written
        down."""
        user = self._store.users.find_by_email(email)
        self._check_may_try(email, user)
        password_hash = self._store.users.find_password_hash(user.id) if user else None
        # The same work for an address nobody has: the time taken must not tell.
        known = verify_password(password_secret, password_hash or unknown_user_hash(self._cost))
        if user is None or password_hash is None or not known:
            self._store.sign_ins.record_failure(
                email, self._clock(), [build_refusal(user.as_actor() if user else None)]
            )
            return None
        done = [build_user_event(user.as_actor(), action, user)] if action else []
        # An admin has to get at a broken audit log; for everybody else it is to be mended first.
        self._store.sign_ins.clear(email, done, even_unaudited=user.role is Role.ADMIN)
        if needs_rehash(password_hash, self._cost):
            self._rehash(user, password_secret)
        return user

    def _rehash(self, user: User, password_secret: str) -> None:
        event = build_user_event(user.as_actor(), "user.password_rehashed", user)
        new_hash = hash_password(password_secret, self._cost)
        try:
            self._store.users.update_password_hash(user.id, new_hash, [event])
        except SchemaError as error:
            # There is another time for it.
            if error.code != "audit.broken":
                raise

    def _check_may_try(self, email: str, user: User | None) -> None:
        wait = find_wait(self._store.sign_ins, email, self._clock())
        if wait is None:
            return
        # Once for each wait: whoever does not wait does not fill the log either.
        if self._told_waits.get(email) != wait.failures:
            self._told_waits[email] = wait.failures
            with suppress(SchemaError):
                self._store.audit.add_(
                    [build_refusal(user.as_actor() if user else None, waiting=True)]
                )
        raise wait.refusal()

    def _seen(self, actor: Actor, email_or_id: str) -> User:
        """The account; raises NotFoundError for one that is not there for the actor."""
        wanted = email_or_id.strip()
        user = self._store.users.find_(wanted) or self._store.users.find_by_email(wanted.lower())
        if user is None or not self._permissions.owns(actor, user.id):
            raise _no_such_user(wanted)
        return user

    def _update(self, actor: Actor, user: User, changed: User) -> User:
        if changed == user:
            return user
        before, after = user_facts(user), user_facts(changed)
        event = build_user_event(actor, "user.updated", user, before=before, after=after)
        if changed.email != user.email and self._store.users.find_by_email(changed.email):
            raise _email_taken(changed.email)
        made = self._store.users.update_(changed, [event])
        if made.timezone != user.timezone and self.on_zone_changed is not None:
            self.on_zone_changed(user.id)
        return made

    def _check_own_password(self, user: User, password_secret: str) -> None:
        if self._find_with_password(user.email, password_secret) is None:
            raise InputError("password", "That is not your password.")

    def _is_remembered(self, user: User) -> bool:
        """Whether this computer remembers the user, as far as the vault can tell."""
        password_hash = self._store.users.find_password_hash(user.id)
        try:
            kept = self._session_file.find_()
            return (
                kept is not None
                and password_hash is not None
                and self._session_file.proves(kept[1], user.id, password_hash)
            )
        except VaultError:
            return False

    def _check_not_demo(self, user: User) -> None:
        if user.is_demo:
            raise ConflictError(
                "The demo account cannot be changed.", hint="Remove it if it is not wanted."
            )


def _wrong_pair() -> AccessError:
    return AccessError(
        "E-mail address and password do not belong together.",
        hint="Check both. An admin can set a new password.",
        code="access.credentials",
    )


def _setup_done() -> AccessError:
    return AccessError(
        "Somebody has an account here already.",
        hint="Sign in, or ask an admin for an account.",
        code="access.setup_done",
    )


def _no_such_user(name: str) -> NotFoundError:
    return NotFoundError(
        "There is no user “{user}”.", hint="“users list” names them.", details={"user": name}
    )


def _email_taken(email: str) -> ConflictError:
    return ConflictError("“{email}” has an account already.", details={"email": email})


def _last_admin(email: str) -> ConflictError:
    return ConflictError(
        "“{email}” is the last admin.",
        hint="Make somebody else an admin first.",
        code="user.last_admin",
        details={"email": email},
    )
