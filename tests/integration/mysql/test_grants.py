"""SHOW GRANTS of real servers, and of one that lies."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.rights import AccountGrants, Grant, GrantLevel, Privilege
from altus4_desktop.mysql.grants import read_grants
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from tests.integration.mysql.conftest import Borrow
from tests.servers import Account, DatabaseServer

G, D, T = GrantLevel.GLOBAL, GrantLevel.DATABASE, GrantLevel.TABLE


class Person:
    """An account of the server, and objects with names of its own."""

    def __init__(self, server: DatabaseServer, pools: TenantPools) -> None:
        self.server = server
        self.pools = pools
        self.account: Account = server.create_account("USAGE")
        self.name = f"'{self.account.username}'@'%'"
        self.tag = secrets.token_hex(4)
        self.database = f"odd`_%\\{self.tag}"
        self.quoted = "`" + self.database.replace("`", "``") + "`"
        server.execute(
            f"CREATE DATABASE {self.quoted}",
            f"CREATE TABLE {self.quoted}.`t``1` (`c``1` INT, `d\"'` INT, e INT)",
            f"CREATE PROCEDURE {self.quoted}.`p 1`() SELECT 1",
            f"CREATE FUNCTION {self.quoted}.`f 1`() RETURNS INT DETERMINISTIC RETURN 1",
        )

    def give(self, *grants: str) -> None:
        """GRANT … TO the account; ``{}`` stands for its database."""
        self.server.execute(
            *(f"GRANT {grant} TO {self.name}".replace("{}", self.quoted) for grant in grants)
        )

    def create_role(self, name: str, *grants: str) -> str:
        """A role with ``grants``; returns its name."""
        role = f"{name}`{self.tag}"
        quoted = "`" + role.replace("`", "``") + "`"
        self.server.execute(
            f"CREATE ROLE {quoted}",
            *(f"GRANT {grant} TO {quoted}".replace("{}", self.quoted) for grant in grants),
        )
        return role

    def read(self) -> AccountGrants:
        """What the program makes of it, in a session of the account."""
        target = self.server.target("information_schema", self.account)
        with self.pools.borrow(target, CancelToken()) as session:
            return read_grants(session)


@pytest.fixture
def person(tenant_server: DatabaseServer, pools: TenantPools) -> Person:
    return Person(tenant_server, pools)


def some(*names: str) -> tuple[Privilege, ...]:
    return tuple(Privilege(name) for name in names)


def test_an_account_that_may_do_nothing(person: Person) -> None:
    found = person.read()
    assert found.account == f"{person.account.username}@%"
    assert found.flavour is person.server.flavour
    assert (found.grants, found.roles, found.unread_count) == ((), (), 0)
    assert not found.ignores_case
    assert not found.literal_names


def test_every_level(person: Person) -> None:
    escaped = person.quoted.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    # Before anything else: only after it the escaped and the plain name are two.
    person.give(
        "PROCESS, LOCK TABLES ON *.*",
        f"SELECT, SHOW VIEW ON {escaped}.*",
        "SELECT ON `pre%`.*",
        "SELECT, INSERT, SELECT (`c``1`, `d\"'`), UPDATE (e) ON {}.`t``1`",
        "EXECUTE ON PROCEDURE {}.`p 1`",
        "EXECUTE, ALTER ROUTINE ON FUNCTION {}.`f 1`",
    )
    person.server.execute(
        f"GRANT DELETE ON `tidy`.* TO {person.name} WITH GRANT OPTION",
        f"GRANT PROXY ON 'root'@'localhost' TO {person.name}",
    )
    found = person.read()
    assert found.unread == ()
    pattern = escaped.strip("`").replace("``", "`")
    assert set(found.grants) == {
        Grant(G, some("PROCESS", "LOCK TABLES")),
        Grant(D, some("SELECT", "SHOW VIEW"), pattern),
        Grant(D, some("SELECT"), "pre%"),
        Grant(D, some("DELETE"), "tidy", with_grant_option=True),
        Grant(
            T,
            (
                Privilege("SELECT"),
                Privilege("SELECT", ("c`1", "d\"'")),
                Privilege("INSERT"),
                Privilege("UPDATE", ("e",)),
            ),
            person.database,
            "t`1",
        ),
        Grant(GrantLevel.ROUTINE, some("EXECUTE"), person.database, "p 1"),
        Grant(GrantLevel.ROUTINE, some("EXECUTE", "ALTER ROUTINE"), person.database, "f 1"),
        Grant(GrantLevel.PROXY, some("PROXY"), name="root"),
    }


def test_everything_and_a_grant_option_alone(person: Person) -> None:
    person.give("ALL PRIVILEGES ON {}.*")
    person.server.execute(f"GRANT USAGE ON *.* TO {person.name} WITH GRANT OPTION")
    found = person.read()
    assert found.unread == ()
    assert {grant.level for grant in found.grants} == {G, D}
    for grant in found.grants:
        if grant.level is D:
            assert grant.privileges == some("ALL")
        else:
            assert grant == Grant(G, (), with_grant_option=True)


def test_an_administrator(tenant_server: DatabaseServer, pools: TenantPools) -> None:
    root = Account("root", tenant_server.root_password)
    target = tenant_server.target("information_schema", root, connection_id="root")
    with pools.borrow(target, CancelToken()) as session:
        found = read_grants(session)
    assert found.account == "root@127.0.0.1"
    assert found.unread == ()
    names = {privilege.name for grant in found.grants for privilege in grant.privileges}
    assert "ALL" in names or {"SUPER", "SHUTDOWN", "SYSTEM_VARIABLES_ADMIN"} <= names
    assert all(grant.with_grant_option for grant in found.grants)


def test_roles_within_roles(person: Person) -> None:
    person.server.execute("CREATE DATABASE IF NOT EXISTS altus4_roles")
    inner = person.create_role("inner", "SELECT ON altus4_roles.*")
    outer = person.create_role("outer", "INSERT ON altus4_roles.*")
    quoted = {name: "`" + name.replace("`", "``") + "`" for name in (inner, outer)}
    person.server.execute(
        f"GRANT {quoted[inner]} TO {quoted[outer]}",
        f"GRANT {quoted[outer]} TO {person.name}",
    )
    default = "FOR" if person.server.flavour is Flavour.MARIADB else "TO"
    person.server.execute(f"SET DEFAULT ROLE {quoted[outer]} {default} {person.name}")
    found = person.read()
    assert found.unread == ()
    assert found.hidden_roles == ()
    assert outer in found.roles
    if person.server.flavour is Flavour.MARIADB:
        assert set(found.grants) == {
            Grant(D, some("SELECT"), "altus4_roles", role=inner),
            Grant(D, some("INSERT"), "altus4_roles", role=outer),
        }
    else:
        # MySQL tells what an account and its roles may do together.
        assert found.grants == (Grant(D, some("SELECT", "INSERT"), "altus4_roles"),)


def test_roles_that_are_not_taken_by_themselves(person: Person) -> None:
    role = person.create_role("spare", "DROP ON {}.*")
    quoted = "`" + role.replace("`", "``") + "`"
    person.server.execute(f"GRANT {quoted} TO {person.name} WITH ADMIN OPTION")
    found = person.read()
    assert found.roles == (role,)
    passing_on = Grant(GrantLevel.ROLE, some("ADMIN OPTION"), name=role)
    assert passing_on in found.grants
    names = {privilege.name for grant in found.grants for privilege in grant.privileges}
    if person.server.flavour is Flavour.MARIADB:
        # It does not show them, so that is said.
        assert found.hidden_roles == (role,)
        assert names == {"ADMIN OPTION"}
    else:
        assert found.hidden_roles == ()
        assert names == {"ADMIN OPTION", "DROP"}


def test_what_everybody_may_do_on_mariadb(
    mariadb_server: DatabaseServer, pools: TenantPools
) -> None:
    person = Person(mariadb_server, pools)
    try:
        mariadb_server.execute(f"GRANT SELECT ON {person.quoted}.`t``1` TO PUBLIC")
        expected = Grant(T, some("SELECT"), person.database, "t`1", role="PUBLIC")
        found = person.read()
        assert found.grants == (expected,)
        assert found.roles == ()
    finally:
        mariadb_server.execute(f"REVOKE SELECT ON {person.quoted}.`t``1` FROM PUBLIC")


def test_partial_revokes_on_mysql(
    private_server: Callable[..., DatabaseServer], pools: TenantPools
) -> None:
    person = Person(private_server(Flavour.MYSQL, ("--partial-revokes=ON",)), pools)
    person.give("SELECT, INSERT, BACKUP_ADMIN ON *.*", "SELECT ON `a_b%c`.*")
    person.server.execute(f"REVOKE INSERT ON `mysql`.* FROM {person.name}")
    found = person.read()
    assert found.literal_names
    assert set(found.grants) == {
        Grant(G, some("SELECT", "INSERT")),
        Grant(G, some("BACKUP_ADMIN")),
        Grant(D, some("SELECT"), "a_b%c"),
        Grant(D, some("INSERT"), "mysql", revoked=True),
    }


# -- a server that lies ------------------------------------------------------------------------


@pytest.fixture
def lying(borrow: Borrow, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AccountGrants]:
    """``lying(rows, columns)``: read grants of a server that answers SHOW GRANTS so."""

    def read(rows: list[tuple[object, ...]], columns: int = 1) -> AccountGrants:
        honest = TenantSession.query

        def query(
            self: TenantSession, sql: str, *args: object, **options: object
        ) -> list[tuple[object, ...]]:
            if not sql.startswith("SHOW GRANTS"):
                return honest(self, sql, *args, **options)  # type: ignore[arg-type]  # as given
            self.columns = ("x",) * columns
            return rows

        monkeypatch.setattr(TenantSession, "query", query)
        with borrow() as session:
            return read_grants(session)

    return read


def test_nonsense_is_counted_and_cut(lying: Callable[..., AccountGrants]) -> None:
    found = lying([(None,), (b"\xff",), (7,), *[(f"GRANT {n} \x1b[2J",) for n in range(50)]])
    assert found.grants == ()
    assert found.unread_count == 53
    assert len(found.unread) == 20


def test_megabytes_are_bounded(lying: Callable[..., AccountGrants]) -> None:
    line = "GRANT " + ", ".join(["SELECT"] * 400) + " ON `d`.* TO `u`@`%`"
    found = lying([(line,)] * 5_000 + [("x" * 50_000_000,)])
    privileges = sum(len(grant.privileges) for grant in found.grants)
    assert 20_000 <= privileges < 21_000
    assert found.unread_count == 5_001 - len(found.grants)
    assert all(len(text) <= 200 for text in found.unread)


def test_roles_without_end(lying: Callable[..., AccountGrants]) -> None:
    roles = ",".join(f"`r{n}`@`%`" for n in range(20_000))
    found = lying([(f"GRANT {roles} TO `u`@`%`",)])
    assert len(found.roles) == 100
    assert found.unread_count == 19_900


def test_a_table_of_another_shape(lying: Callable[..., AccountGrants]) -> None:
    with pytest.raises(TenantError) as caught:
        lying([("a", "b")], columns=2)
    assert caught.value.failure is TenantFailure.PROTOCOL
