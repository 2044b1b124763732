"""What an account of a server may do, as its grants say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.remarks import Remark


class GrantLevel(StrEnum):
    """What a grant is about."""

    GLOBAL = "global"
    DATABASE = "database"
    TABLE = "table"
    ROUTINE = "routine"
    PROXY = "proxy"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Privilege:
    """One privilege by its SQL name, upper case; ``columns`` empty: of the whole object."""

    name: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of SHOW GRANTS.

    ``database`` may be a pattern (``%``, ``_``) on the database level. ``revoked``: a partial
    revoke takes away what a global grant gives. ``role`` is the role it comes through, "" for the
    account itself.
    """

    level: GrantLevel
    privileges: tuple[Privilege, ...]
    database: str = ""
    name: str = ""
    with_grant_option: bool = False
    revoked: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class AccountGrants:
    """All grants of the account a connection uses, those of its roles too.

    ``account`` is the account the server took us for, as ``user@host``. ``hidden_roles`` are those
    it may take although it may not see what they allow. ``unread`` are the first lines that this
    program does not understand, with anything secret taken out, and ``unread_count`` is how many
    there are. ``literal_names``: ``%`` and ``_`` in the name of a database stand for themselves.
    """

    account: str
    flavour: Flavour
    version: str
    grants: tuple[Grant, ...]
    roles: tuple[str, ...] = ()
    hidden_roles: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unread_count: int = 0
    literal_names: bool = False
    ignores_case: bool = False


class Weight(IntEnum):
    """How much more than searching a right is."""

    NEEDED = 0
    READS_MORE = 1
    CHANGES = 2
    RULES = 3


@dataclass(frozen=True, slots=True)
class RightLine:
    """What one privilege means in words, and where it holds; ``role`` is what it comes through."""

    privilege: str
    words: Remark
    place: Remark
    weight: Weight
    role: str = ""


@dataclass(frozen=True, slots=True)
class RightsReport:
    """What the account may do with the database it searches and beyond, the heaviest first.

    ``missing`` names the privileges that searching needs and the account does not have.
    """

    grants: AccountGrants
    database: str
    lines: tuple[RightLine, ...]
    missing: tuple[str, ...] = ()

    @property
    def excess(self) -> tuple[RightLine, ...]:
        """The lines that searching does not need."""
        return tuple(line for line in self.lines if line.weight is not Weight.NEEDED)

    @property
    def is_known(self) -> bool:
        """Whether nothing of what the account may do stays in the dark."""
        return not self.grants.unread_count and not self.grants.hidden_roles

    @property
    def is_minimal(self) -> bool:
        """Whether the account may do what searching needs, and nothing more."""
        return not self.excess and not self.missing and self.is_known

    @property
    def weight(self) -> Weight:
        """The heaviest of what it may do."""
        return max((line.weight for line in self.lines), default=Weight.NEEDED)
