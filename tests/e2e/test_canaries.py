"""No password and no key gets anywhere but into ciphertext, whatever is done with the program."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import bcrypt
import pytest

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.key_text import make_key as make_key_text
from altus4_desktop.domain.keys import KeyEnvironment
from tests.altus_server import make_altus_server
from tests.answers import Answer
from tests.canaries import Canaries, ChildWatch
from tests.e2e.stage import choose_screen
from tests.servers import PROJECT, Account, DatabaseServer, find_programs
from tests.ssh_servers import USERNAME, loopback_ssh, make_key
from tests.stores import STORE_PRIVILEGES

_TIMEOUT_S = 120


class Program:
    """Runs commands of the real program at its loudest, and keeps what they say.

    ``folder`` holds all that it may write; what others have given it, with secrets in it, lies
    ``elsewhere``.
    """

    def __init__(self, folder: Path, canaries: Canaries, elsewhere: Path) -> None:
        self.folder = folder
        self.elsewhere = elsewhere
        self.canaries = canaries
        self.environment: dict[str, str] = {}
        self.children: set[str] = set()
        self._said = b""
        for name in ("data", "home", "tmp", "loud"):
            (folder / name).mkdir(mode=0o700)

    def __call__(self, *arguments: str, typed: str = "", shows: bool = False) -> Answer:
        """Run a command; ``shows``: its answer is there to show a secret, once."""
        given = {
            **os.environ,
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "ALTUS4_DATA_DIR": str(self.folder / "data"),
            "PATH": f"{find_programs(Flavour.MYSQL).server.parent}{os.pathsep}{os.environ['PATH']}",
            **self.environment,
        }
        assert not self.canaries.found_in(repr(arguments).encode())
        with (
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.e2e.loud",
                    self.folder / "loud",
                    *arguments,
                ],
                cwd=PROJECT,
                env=given,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as program,
            ChildWatch(program.pid, self.canaries) as watch,
        ):
            out, err = program.communicate(typed.encode(), timeout=_TIMEOUT_S)
        assert watch.found == {}
        self.children |= watch.seen
        self._said += err + (b"" if shows else out)
        return Answer(program.returncode, out.decode(), err.decode())

    def done(self, *arguments: str, typed: str = "", shows: bool = False) -> Answer:
        """As a call; the command has to succeed."""
        answer = self(*arguments, typed=typed, shows=shows)
        assert answer.code == 0, (arguments, answer)
        return answer

    def leaks(self, *folders: Path) -> dict[str, set[str]]:
        """Where secrets are that should be nowhere."""
        found = self.canaries.found_under(self.folder, *folders)
        said = self.canaries.found_in(self._said)
        return found | ({"what it said": said} if said else {})


@pytest.fixture
def program(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path, Canaries(), tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(params=["sqlite", Flavour.MARIADB, Flavour.MYSQL], ids=str)
def store_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseServer | None]:
    """Where the metadata is: in a file, or on a server that writes down every statement."""
    if request.param == "sqlite":
        yield None
        return
    start = request.getfixturevalue("private_server")
    yield start(request.param, ["--general-log=ON", "--general-log-file=general.log"])


def _tenant(server: DatabaseServer, password: str) -> tuple[str, Account]:
    database = server.create_database("library")
    server.execute(
        "CREATE TABLE books (id INT PRIMARY KEY, title VARCHAR(100), FULLTEXT KEY ft (title))",
        "INSERT INTO books VALUES (1, 'Lighthouse keeping')",
        database=database,
    )
    return database, server.create_search_account(database, password=password)


@pytest.mark.timeout(900)
def test_no_secret_gets_anywhere(
    program: Program, store_server: DatabaseServer | None, mariadb_server: DatabaseServer
) -> None:
    make = program.canaries.make
    first, second, wrong, tenant = map(make, ("first", "second", "wrong", "tenant"))
    program.environment = {"ALTUS4_PASSPHRASE": make("passphrase")}
    if store_server is not None:
        database = store_server.create_database("altus4_metadata")
        password = make("store")
        # The administrator's own statement says the password, and so would the server's log.
        store_server.execute("SET GLOBAL general_log = OFF")
        account = store_server.create_account(STORE_PRIVILEGES, database, password=password)
        store_server.execute("SET GLOBAL general_log = ON")
        program.environment |= {
            "ALTUS4_METADATA_URL": f"mysql://{account.username}@127.0.0.1:{store_server.port}/"
            f"{database}?tls=preferred",
            "ALTUS4_METADATA_PASSWORD": password,
        }
        program.done("migrate", "up", "--to", "0008_sign_in_failures", "--yes")
    program.done("migrate", "up", "--yes")
    ada = ("--email", "ada@example.org")
    program.done("users", "create", *ada, "--name", "Ada", "--password-stdin", typed=f"{first}\n")
    program.environment |= {"ALTUS4_USER": "ada@example.org", "ALTUS4_PASSWORD": wrong}
    assert program("users", "list").code == 4
    program.environment["ALTUS4_USER"] = make("misplaced")
    assert program("users", "list").code == 4
    program.environment |= {"ALTUS4_USER": "ada@example.org", "ALTUS4_PASSWORD": first}
    _administer(program, second)
    database, account = _tenant(mariadb_server, tenant)
    _connect(program, mariadb_server, database, account)
    _use_keys(program)
    _bring_in(program, mariadb_server)
    program.done("vault", "rotate", "--json")
    if store_server is None:
        # Of this the store gets nothing that it has not got by now.
        _take_along(program)
        _keep_the_vault(program)
        _go_through_a_tunnel(program, mariadb_server, database, account)
        _write_rights(program)
    program.done("audit", "verify")
    program.done("audit", "export", str(program.folder / "audit.csv"))
    _back_up(program, store_server)
    program("doctor", "--json")
    program.done("migrate", "down", "--to", "0008_sign_in_failures", "--yes")
    program.done("migrate", "up", "--yes")
    copies = [path for path in (program.folder / "data" / "backups").rglob("*") if path.is_file()]
    assert copies, "the copies are searched, too"
    _unpack(copies, program.folder)
    assert program.children, "children were seen"
    log = (program.folder / "loud" / "loud.log").read_text("utf-8")
    assert "sqlalchemy" in log
    assert "INSERT INTO users" in log
    folders = []
    if store_server is not None:
        store_server.stop()
        folders = [store_server.data_folder]
        assert b"INSERT INTO users" in (folders[0] / "general.log").read_bytes()
    assert program.leaks(*folders) == {}


def _administer(program: Program, password: str) -> None:
    make = program.canaries.make
    bob = ("--email", "bob@example.org")
    program.done("users", "create", *bob, "--name", "B", "--password-stdin", typed=f"{password}\n")
    again = make("again")
    program.done("users", "reset-password", bob[1], "--password-stdin", typed=f"{again}\n")
    program.done("users", "set-role", bob[1], "admin")
    program.done("users", "list", "--json")
    signed_in, own = program.environment, make("own")
    program.environment = signed_in | {"ALTUS4_USER": bob[1], "ALTUS4_PASSWORD": again}
    assert program("users", "list").code == 4
    change = ("users", "change-password", "--password-stdin")
    assert program(*change, typed=f"{make('not mine')}\n{make('never')}\n").code != 0
    program.done(*change, typed=f"{again}\n{own}\n")
    program.environment["ALTUS4_PASSWORD"] = own
    moved = ("--email", "robert@example.org", "--password-stdin")
    assert program("users", "profile", *moved, typed=f"{again}\n").code == 2
    program.done("users", "profile", *moved, typed=f"{own}\n")
    program.environment = signed_in
    eve = ("--email", "eve@example.org", "--name", "Eve", "--temporary")
    for command in (("reset-password", "robert@example.org"), ("create", *eve)):
        made = program.done("users", *command, "--json", shows=True).document
        program.canaries.add(f"made by {command[0]}", made["temporary_password"])


def _connect(program: Program, server: DatabaseServer, database: str, account: Account) -> None:
    where = ("--host", server.host, "--database", database, "--username", account.username)
    secret = f"{account.password}\n"
    program.done(
        "connections", "add", "books", *where, "--port", str(server.port), "--password-stdin",
        typed=secret,
    )  # fmt: skip
    program.done("connections", "test", "books")
    program.done("connections", "schema", "books", "--json")
    program.done("search", "lighthouse", "--json")
    refused = program.canaries.make("refused")
    program("connections", "edit", "books", "--password-stdin", typed=f"{refused}\n")
    assert program("connections", "test", "books").code != 0
    program.done("connections", "edit", "books", "--password-stdin", typed=secret)
    program.done("connections", "list", "--json")


def _go_through_a_tunnel(
    program: Program, server: DatabaseServer, database: str, account: Account
) -> None:
    where = ("--host", server.host, "--database", database, "--username", account.username)
    passphrase = program.canaries.make("of the SSH key")
    key_file = program.elsewhere / "ssh_key"
    make_key(key_file, passphrase)
    with loopback_ssh(password=program.canaries.make("of the tunnel")) as ssh:
        tunnel = (
            *("--ssh", f"{USERNAME}@127.0.0.1:{ssh.port}", "--ssh-host-key", ssh.host_key),
            *("--ssh-known-hosts", os.devnull, "--password-stdin", "--ssh-secret-stdin"),
        )
        for name, method, secret, answer in (
            ("far", ("password",), ssh.password, 0),
            ("refused", ("password",), program.canaries.make("refused by SSH"), 1),
            ("by key", ("key", "--ssh-key", str(key_file)), passphrase, 1),
        ):
            program.done(
                *("connections", "add", name, *where, "--port", str(server.port), *tunnel),
                *("--ssh-method", *method),
                typed=f"{account.password}\n{secret}\n",
            )
            tested = program("connections", "test", name)
            assert (tested.code == 0) is (answer == 0), tested
            program.done("connections", "remove", name, "--yes")


def _bring_in(program: Program, server: DatabaseServer) -> None:
    make = program.canaries.make
    urls, options, table = (program.elsewhere / name for name in ("urls.txt", "my.cnf", "t.csv"))
    urls.write_text(
        f"mysql://reader:{quote(make('of a URL'))}@127.0.0.1:1/one\n"
        f"mysql://reader:{make('of a bad URL')}@127.0.0.1:nowhere/two\n",
        encoding="utf-8",
    )
    options.write_text(
        f"[client]\nhost=127.0.0.1\nport=1\nuser=a\npassword={make('of my.cnf')}\ndatabase=d\n",
        encoding="utf-8",
    )
    table.write_text(
        f"name,host,port,database,username,password\nT,127.0.0.1,1,t,u,{make('of a table')}\n",
        encoding="utf-8",
    )
    program.done("connections", "import", str(urls), "--dry-run", "--json")
    for file in (urls, options, table):
        program.done("connections", "import", str(file), "--yes")
    assert program("connections", "test", "T").code != 0
    altus = make_altus_server(server)
    account = server.create_search_account(altus.database, password=make("of the server"))
    program.canaries.add("its encryption key", altus.encryption_key)
    key = make_key_text(KeyEnvironment.LIVE)
    program.canaries.add("its key", key[30:])
    user = altus.add_user("x@example.org", bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode())
    altus.add_connection(user, "Brought", make("of its connection"))
    altus.add_key(user, "Reports", key)
    url = f"mysql://{account.username}@{server.host}:{server.port}/{altus.database}"
    program.done(
        *("connections", "import", "--altus-server", url, "--yes"),
        *("--password-stdin", "--encryption-key-stdin"),
        typed=f"{account.password}\n{altus.encryption_key}\n",
    )
    server.drop_database(altus.database)


def _take_along(program: Program) -> None:
    make = program.canaries.make
    program.done("connections", "export", str(program.folder / "plain.json"))
    bundle = str(program.folder / "bundle.json")
    secret = make("of the bundle")
    program.done(
        "connections", "export", bundle, "--bundle", "--passphrase-stdin", typed=f"{secret}\n"
    )
    bring = ("connections", "import", bundle, "--passphrase-stdin", "--yes")
    assert program(*bring, typed=make("of no bundle") + "\n").code != 0
    program.done("connections", "remove", "T", "--yes")
    program.done(*bring, typed=f"{secret}\n")


def _keep_the_vault(program: Program) -> None:
    make = program.canaries.make
    second, third, kit = make("second passphrase"), make("third passphrase"), make("of the kit")
    program.done("vault", "rotate", "--new-passphrase", "--passphrase-stdin", typed=f"{second}\n")
    program.environment["ALTUS4_PASSPHRASE"] = second
    program.done("vault", "change-passphrase", "--passphrase-stdin", typed=f"{third}\n")
    assert program("connections", "test", "books").code != 0
    program.environment["ALTUS4_PASSPHRASE"] = third
    program.done("connections", "test", "books")
    file = str(program.folder / "kit.json")
    program.done("vault", "export-kit", file, "--passphrase-stdin", typed=f"{kit}\n")
    bring = ("vault", "import-kit", file, "--passphrase-stdin")
    assert program(*bring, typed=make("of no kit") + "\n").code != 0
    program.done(*bring, typed=f"{kit}\n")
    program.done("vault", "status", "--json")


def _write_rights(program: Program) -> None:
    assert program("connections", "grants", "books", "--json").code in (0, 1)
    statements = str(program.folder / "statements.sql")
    program.done("connections", "grants", "books", "--script", "--output", statements)
    program.done("migrate", "grants", "--dialect", "mysql")


def _use_keys(program: Program) -> None:
    made = program.done("keys", "create", "--name", "reports", "--json", shows=True).document
    program.canaries.add("key", made["key"][30:])
    program.done("keys", "verify", typed=made["key"] + "\n")
    unknown = make_key_text(KeyEnvironment.LIVE)
    program.canaries.add("unknown key", unknown[30:])
    assert program("keys", "verify", typed=unknown + "\n").code == 1
    signed_in = program.environment
    by_key = {name: text for name, text in signed_in.items() if "USER" not in name}
    by_key.pop("ALTUS4_PASSWORD")
    program.environment = by_key | {"ALTUS4_API_KEY": made["key"]}
    program.done("search", "lighthouse", "--json")
    program.environment = by_key | {"ALTUS4_API_KEY": unknown}
    assert program("search", "lighthouse").code == 4
    program.environment = signed_in
    rotated = program.done("keys", "rotate", made["id"], "--grace", "1h", "--json", shows=True)
    program.canaries.add("rotated key", rotated.document["key"][30:])
    program.done("keys", "list", "--json")


def _back_up(program: Program, server: DatabaseServer | None) -> None:
    """Made and tried, tried again, put back: the dump, the trial and what is kept are searched."""
    if server is not None:
        url = program.environment["ALTUS4_METADATA_URL"]
        username = url.removeprefix("mysql://").partition("@")[0]
        server.execute(
            f"GRANT ALL PRIVILEGES ON `altus4\\_verify\\_%`.* TO '{username}'@'%'",
            f"GRANT ALL PRIVILEGES ON `altus4\\_metadata\\_%`.* TO '{username}'@'%'",
        )
    earlier, program.children = program.children, set()
    backup = program.done("backup", "create").out.strip()
    program.done("backup", "verify", backup, "--json")
    program.done("backup", "schedule", "--systemd")
    restored = program.done("backup", "restore", backup, "--yes")
    assert "is kept as" in restored.err
    assert server is None or program.children, "its programs were seen"
    program.children |= earlier
    folder = next((program.folder / "data" / "backups").rglob(f"{backup}.json")).parent
    assert {path.name.removeprefix(backup) for path in folder.iterdir()} == {
        ".lock",
        ".json",
        ".sqlite3" if server is None else ".sql.gz",
    }


def _unpack(copies: list[Path], folder: Path) -> None:
    """What is packed is searched as what it was."""
    import gzip

    for copy in copies:
        if copy.suffix == ".gz":
            (folder / f"{copy.name}.plain").write_bytes(gzip.decompress(copy.read_bytes()))


@pytest.mark.timeout(200)
def test_no_secret_gets_out_of_the_window(
    mariadb_server: DatabaseServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    canaries = Canaries()
    typed = ("passphrase", "next passphrase", "password", "own", "mistyped", "bob", "reset")
    names = (*typed, "refused", "tenant")
    made = {name: canaries.make(name) for name in names}
    database, account = _tenant(mariadb_server, made["tenant"])
    folders = {name: tmp_path / name for name in ("data", "home", "tmp", "loud")}
    for folder in folders.values():
        folder.mkdir(mode=0o700)
    # The only file that may hold them is the one that tells the story what to type.
    plan = tmp_path_factory.mktemp("plan") / "plan.json"
    story = {
        "output": str(folders["loud"]),
        "secrets": made,
        "made": str(plan.with_name("made.json")),
        "name": "Books",
        "host": mariadb_server.host,
        "port": mariadb_server.port,
        "database": database,
        "username": account.username,
    }
    plan.write_text(json.dumps(story), encoding="utf-8")
    with (
        subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.secret_day", str(plan)],
            cwd=PROJECT,
            env={
                **os.environ,
                **choose_screen(tmp_path, 1280, 800),
                "ALTUS4_DATA_DIR": str(folders["data"]),
                "HOME": str(folders["home"]),
                "TMPDIR": str(folders["tmp"]),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as program,
        ChildWatch(program.pid, canaries) as watch,
    ):
        out, err = program.communicate(timeout=_TIMEOUT_S)
    assert program.returncode == 0, f"{out.decode()}\n{err.decode()}"
    assert b"signed in again" in out
    for name, secret in json.loads(plan.with_name("made.json").read_text("utf-8")).items():
        # The beginning of a key is no secret.
        canaries.add(name, secret[30:] or secret)
    assert watch.found == {}
    assert canaries.found_in(out + err) == set()
    assert "sqlalchemy" in (folders["loud"] / "loud.log").read_text("utf-8")
    assert canaries.found_under(tmp_path) == {}


def test_what_is_somewhere_is_found(tmp_path: Path) -> None:
    canaries = Canaries()
    secret = canaries.make("it")
    for number, content in enumerate(
        (
            f"password={secret}".encode(),
            base64.b64encode(b"x" + secret.encode() + b"yz"),
            base64.b64encode(b"xy" + secret.encode()),
            b"\1" * ((1 << 20) - 9) + secret.encode(),
            secret.encode("utf-16"),
            json.dumps({"hex": secret.encode().hex()}).encode(),
        )
    ):
        (tmp_path / str(number)).write_bytes(content)
    (tmp_path / "harmless").write_text(secret[:12])
    (tmp_path / secret).mkdir()
    assert {Path(path).name for path in canaries.found_under(tmp_path)} == {*"012345", secret}


def test_children_are_looked_at() -> None:
    canaries = Canaries()
    secret = canaries.make("it")
    for arguments, environment in (([secret], {}), ([], {"X": secret})):
        parent = (
            "import subprocess, sys;"
            "subprocess.run([sys.executable, '-c', 'input()', *sys.argv[1:]])"
        )
        with subprocess.Popen(
            [sys.executable, "-c", parent, *arguments],
            stdin=subprocess.PIPE,
            env={**os.environ, **environment},
        ) as process:
            with ChildWatch(process.pid, canaries) as watch:
                while not watch.found:
                    watch._ended.wait(0.01)
            process.communicate(b"\n", timeout=_TIMEOUT_S)
        assert [*watch.found.values()] == [{"it"}]
