"""People: the first admin, signing in, staying signed in, and what an admin may do to others."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor, Role, User
from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, SubjectKind
from altus4_desktop.domain.errors import (
    AccessError,
    ConflictError,
    InputError,
    NotFoundError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.files import make_private_folder, read_private, write_private
from altus4_desktop.services.audit import build_event
from altus4_desktop.vault import Binding, VaultKind
from altus4_desktop.vault.passwords import (
    DEFAULT_COST,
    check_new_password,
    generate_password,
    hash_password,
    needs_rehash,
    unknown_user_hash,
    verify_password,
)

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.storage.store import Store

FAILURES_BEFORE_WAIT = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 15 * 60.0
_DEMO_EMAIL = "demo@altus4.invalid"
_NAME_LIMIT = 255
_EMAIL_LIMIT = 254
_LOCAL_PART_LIMIT = 64
_LOCAL_PART = re.compile(r"[^\s@\"(),:;<>\[\\\].]+(?:\.[^\s@\"(),:;<>\[\\\].]+)*")
_DOMAIN = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*")
_TIMEZONE = re.compile(r"[A-Za-z0-9_+\-/]{1,50}")


def utc_now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)


def normalise_email(text: str) -> str:
    """The address as it is stored, trimmed and in lower case; raises InputError."""
    email = text.strip().lower()
    local_part, at, domain = email.rpartition("@")
    if not email:
        raise InputError("email", "An e-mail address is needed.")
    if len(email) > _EMAIL_LIMIT or len(local_part) > _LOCAL_PART_LIMIT:
        raise InputError("email", "The e-mail address is too long.")
    if (
        not at
        or not email.isprintable()
        or not _LOCAL_PART.fullmatch(local_part)
        or not _DOMAIN.fullmatch(domain)
    ):
        raise InputError(
            "email", "That is not an e-mail address.", hint="It looks like name@example.org."
        )
    return email


class AccountsService:
    """Accounts of the metadata store; the rules hold whoever calls."""

    def __init__(
        self,
        metadata: MetadataService,
        vault: VaultService,
        data_dir: Path,
        clock: Callable[[], datetime] = utc_now,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> None:
        self._metadata = metadata
        self._vault = vault
        self._session_path = data_dir / "session.json"
        self._clock = clock
        self._cost = bcrypt_cost

    def needs_setup(self) -> bool:
        """Whether nobody but the demo has an account yet."""
        return not self._store.users.exists_real()

    def create_first_admin(
        self, name: str, email: str, password_secret: str, timezone: str = "UTC"
    ) -> Actor:
        """Make the first account, an admin, and take that role from the demo's account.

        Raises InputError, AccessError when somebody has an account already.
        """
        user = _new_user(name, email, Role.ADMIN, timezone)
        check_new_password(password_secret)
        if not self.needs_setup():
            raise _setup_done()
        password_hash = hash_password(password_secret, self._cost)
        event = _user_event(user.as_actor(), "user.created", user, after=_facts(user))
        if not self._store.users.create_first_admin(user, password_hash, [event]):
            raise _setup_done()
        return user.as_actor()

    def open_demo_account(self) -> Actor:
        """The demo's account, made when absent; an admin only while nobody else has an account."""
        users = self._store.users
        role = Role.ADMIN if self.needs_setup() else Role.USER
        found = next((user for user in users.list_() if user.is_demo), None)
        if found is None:
            demo = _new_user("Demo", _DEMO_EMAIL, role, "UTC", demo=True)
            event = _user_event(None, "user.created", demo, after=_facts(demo))
            found = users.create_(demo, hash_password(generate_password(), self._cost), [event])
        return found.as_actor()

    def sign_in(self, email: str, password_secret: str) -> Actor:
        """Sign in with e-mail and password.

        Raises AccessError: ``access.credentials`` for any wrong pair, known or not;
        ``access.backoff`` after too many of them (details ``wait_s``).
        """
        user = self._find_with_password(email.strip().lower(), password_secret, "signed_in")
        if user is None:
            raise AccessError(
                "E-mail address and password do not belong together.",
                hint="Check both. An admin can set a new password.",
                code="access.credentials",
            )
        return user.as_actor()

    def check_password(self, actor: Actor, password_secret: str) -> bool:
        """Whether the actor knows their password; counts towards the waiting time like a sign-in.

        Raises AccessError (``access.backoff``).
        """
        user = self._find_with_password(actor.email, password_secret, "unlocked")
        return user is not None and user.id == actor.user_id

    def remember(self, actor: Actor) -> None:
        """Keep the actor signed in on this computer until `forget` or a new password.

        Raises VaultLockedError, VaultError (``vault.session_only``) when the vault forgets.
        """
        if self._vault.status().kind is VaultKind.SESSION:
            raise VaultError(
                "You cannot stay signed in: secrets are kept only until the program ends.",
                hint="Set up the keyring or a passphrase first.",
                code="vault.session_only",
            )
        password_hash = self._store.users.find_password_hash(actor.user_id)
        if password_hash is None:
            raise _no_such_user(actor.email)
        sealed = self._vault.seal(actor.user_id, _session_binding(actor.user_id, password_hash))
        content = json.dumps({"format": 1, "user_id": actor.user_id, "record": sealed})
        try:
            make_private_folder(self._session_path.parent)
            write_private(self._session_path, content.encode("ascii") + b"\n")
        except OSError as error:
            raise _session_file_failed(self._session_path, error) from error

    def resume(self) -> Actor | None:
        """The remembered actor as they are now; None, and forgotten, when that is no longer true.

        Somebody whom this store does not know may be remembered for another one. Raises
        VaultLockedError while the vault cannot tell.
        """
        kept = self._read_session()
        if kept is None:
            return None
        user_id, record = kept
        user = self._store.users.find_(user_id)
        password_hash = self._store.users.find_password_hash(user_id)
        if user is None:
            return None
        if password_hash is not None:
            try:
                if self._vault.open_(record, _session_binding(user_id, password_hash)) == user_id:
                    return user.as_actor()
            except VaultLockedError:
                raise
            except VaultError:
                # Another password, another key, or an edited file: the person signs in again.
                user = None
        self.forget()
        return None

    def forget(self) -> None:
        """Sign nobody in at the next start."""
        try:
            self._session_path.unlink(missing_ok=True)
        except OSError as error:
            raise _session_file_failed(self._session_path, error) from error

    def list_users(self, actor: Actor) -> list[User]:
        """Every account, by e-mail; raises AccessError for all but admins."""
        self._check_admin(actor)
        return sorted(self._store.users.list_(), key=lambda user: user.email)

    def get_user(self, actor: Actor, email_or_id: str) -> User:
        """One account; raises AccessError for all but admins, NotFoundError."""
        self._check_admin(actor)
        wanted = email_or_id.strip()
        user = self._store.users.find_(wanted) or self._store.users.find_by_email(wanted.lower())
        if user is None:
            raise _no_such_user(wanted)
        return user

    def create_user(
        self, actor: Actor, name: str, email: str, password_secret: str, role: Role = Role.USER
    ) -> User:
        """Make an account; raises AccessError, InputError, ConflictError for a known e-mail."""
        self._check_admin(actor)
        user = _new_user(name, email, role, "UTC")
        check_new_password(password_secret)
        if self._store.users.find_by_email(user.email) is not None:
            raise _email_taken(user.email)
        event = _user_event(actor, "user.created", user, after=_facts(user))
        return self._store.users.create_(user, hash_password(password_secret, self._cost), [event])

    def set_role(self, actor: Actor, user_id: str, role: Role) -> User:
        """Change what a user may do; raises AccessError, NotFoundError, ConflictError for the
        last admin."""
        user = self.get_user(actor, user_id)
        self._check_not_demo(user)
        before, after = {"role": user.role.value}, {"role": role.value}
        event = _user_event(actor, "user.role_changed", user, before=before, after=after)
        if not self._store.users.set_role_keeping_an_admin(user.id, role, [event]):
            raise _last_admin(user.email)
        return replace(user, role=role)

    def reset_password(self, actor: Actor, user_id: str, password_secret: str) -> None:
        """Give a user a new password; ends their remembered sign-ins and their waiting time.

        Raises AccessError, NotFoundError, InputError.
        """
        user = self.get_user(actor, user_id)
        self._check_not_demo(user)
        check_new_password(password_secret)
        self._store.users.update_password_hash(
            user.id,
            hash_password(password_secret, self._cost),
            [_user_event(actor, "user.password_reset", user)],
        )
        self._store.sign_ins.clear(user.email)

    def delete_user(self, actor: Actor, user_id: str) -> None:
        """Remove a user with their connections, keys and history.

        Raises AccessError, NotFoundError, ConflictError for the last admin.
        """
        user = self.get_user(actor, user_id)
        event = _user_event(actor, "user.deleted", user, before=_facts(user))
        if not self._store.users.delete_keeping_an_admin(user.id, [event]):
            raise _last_admin(user.email)
        self._store.sign_ins.clear(user.email)

    @property
    def _store(self) -> Store:
        return self._metadata.store

    def _find_with_password(self, email: str, password_secret: str, what: str) -> User | None:
        """The user of that address and password, who has now ``what``; None is written down."""
        self._check_may_try(email)
        user = self._store.users.find_by_email(email)
        password_hash = self._store.users.find_password_hash(user.id) if user else None
        # The same work for an address nobody has: the time taken must not tell.
        known = verify_password(password_secret, password_hash or unknown_user_hash(self._cost))
        if user is None or password_hash is None or not known:
            # What nobody has for an address may be a password in the wrong field.
            whom = (user.id, user.email) if user else ()
            refused = build_event(
                None,
                "session.refused",
                SubjectKind.USER,
                *whom,
                outcome=AuditOutcome.REFUSED,
                known=user is not None,
            )
            self._store.sign_ins.record_failure(email, self._clock(), [refused])
            return None
        if needs_rehash(password_hash, self._cost):
            self._store.users.update_password_hash(
                user.id,
                hash_password(password_secret, self._cost),
                [_user_event(user.as_actor(), "user.password_rehashed", user)],
            )
        done = _user_event(user.as_actor(), f"session.{what}", user)
        self._store.sign_ins.clear(email, [done])
        return user

    def _check_may_try(self, email: str) -> None:
        failures, last_at = self._store.sign_ins.find_(email)
        if failures < FAILURES_BEFORE_WAIT or last_at is None:
            return
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(failures - FAILURES_BEFORE_WAIT, 10), LONGEST_WAIT_S)
        now = self._clock()
        if now < last_at:
            # The clock was set back: the wait starts anew from here, neither shorter nor endless.
            self._store.sign_ins.restart_wait(email, now)
            last_at = now
        left = last_at + timedelta(seconds=wait_s) - now
        if left > timedelta(0):
            seconds = int(left.total_seconds()) + 1
            raise AccessError(
                "Too many wrong passwords: try again in {wait_s} seconds.",
                hint="An admin can set a new password meanwhile.",
                code="access.backoff",
                retryable=True,
                details={"wait_s": seconds},
            )

    def _check_admin(self, actor: Actor) -> None:
        # Asked of the store: the actor's role may have changed since they signed in.
        user = self._store.users.find_(actor.user_id)
        if user is None or user.role is not Role.ADMIN:
            raise AccessError("Only an admin may do this.", hint="Ask an admin of this store.")
        if user.is_demo:
            raise AccessError(
                "The demo account cannot look after users.",
                hint="Set up an admin account first.",
                code="access.demo",
            )

    def _check_not_demo(self, user: User) -> None:
        if user.is_demo:
            raise ConflictError(
                "The demo account cannot be changed.", hint="Remove it if it is not wanted."
            )

    def _read_session(self) -> tuple[str, str] | None:
        try:
            kept = json.loads(read_private(self._session_path))
            user_id, record = kept["user_id"], kept["record"]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _session_file_failed(self._session_path, error) from error
        except (ValueError, TypeError, KeyError, RecursionError):
            # Not what `remember` writes: nobody is remembered.
            self.forget()
            return None
        if not isinstance(user_id, str) or not isinstance(record, str):
            self.forget()
            return None
        return user_id, record


def _new_user(name: str, email: str, role: Role, timezone: str, *, demo: bool = False) -> User:
    shown = " ".join(name.split())
    if not shown:
        raise InputError("name", "A name is needed.")
    if len(shown) > _NAME_LIMIT or not shown.isprintable():
        raise InputError(
            "name",
            "The name is longer than {most} characters or has unprintable ones.",
            most=_NAME_LIMIT,
        )
    if not _TIMEZONE.fullmatch(timezone):
        raise InputError(
            "timezone", "That is not a time zone.", hint="It looks like Europe/Lisbon or UTC."
        )
    return User(
        id=str(uuid.uuid4()),
        name=shown,
        email=normalise_email(email),
        role=role,
        preferences={"demo": True} if demo else {},
        timezone=timezone,
    )


def _facts(user: User) -> dict[str, str]:
    return {"name": user.name, "email": user.email, "role": user.role.value}


def _user_event(
    actor: Actor | None,
    action: str,
    user: User,
    *,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> AuditEvent:
    return build_event(
        actor, action, SubjectKind.USER, user.id, user.email, before=before, after=after
    )


def _session_binding(user_id: str, password_hash: str) -> Binding:
    fingerprint = hashlib.sha256(password_hash.encode("utf-8", "replace")).hexdigest()
    return Binding("session", "user_id", row_id=user_id, owner_id=fingerprint)


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


def _session_file_failed(path: Path, error: OSError) -> VaultError:
    return VaultError(
        "The remembered sign-in “{path}” cannot be used: {reason}.",
        hint="Give the file back to your user, or remove it.",
        code="vault.session_file",
        details={"path": str(path), "reason": error.strerror or type(error).__name__},
    )
