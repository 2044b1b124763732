"""The wheel: built, installed where nothing of the checkout is seen, migrated and searched from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import PROJECT, DatabaseServer

ADMIN = ("admin@example.org", "correct horse battery staple")
PASSPHRASE = "a passphrase for a machine without a keyring"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], PROJECT)
    [path] = folder.glob("*.whl")
    return path


@dataclass(frozen=True)
class Installed:
    """The program as installed from the wheel."""

    folder: Path
    work: Path

    @property
    def python(self) -> Path:
        """The interpreter that sees the wheel and its dependencies, not the checkout."""
        return self.folder / "bin" / "python"

    def call(
        self, *arguments: str, data_dir: Path, stdin: str = "", acting: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the installed command in an empty folder."""
        environment = _clean_environment()
        environment |= {"ALTUS4_DATA_DIR": str(data_dir), "ALTUS4_PASSPHRASE": PASSPHRASE}
        if acting:
            environment |= {"ALTUS4_USER": ADMIN[0], "ALTUS4_PASSWORD": ADMIN[1]}
        return subprocess.run(
            [self.folder / "bin" / "altus4-desktop", *arguments],
            cwd=self.work,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def json(self, *arguments: str, data_dir: Path, stdin: str = "", acting: bool = True) -> Any:
        """The document a command prints; fails the test unless it ends with 0."""
        done = self.call(*arguments, "--json", data_dir=data_dir, stdin=stdin, acting=acting)
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An empty virtual environment with the wheel.

    Its dependencies are those of the environment that runs the tests, named in a .pth file:
    installing them again would need the network and a minute, and what is proven here is the
    wheel. Python does not read the .pth files of a folder that another .pth file names, so the
    checkout, which is installed there in editable form, stays invisible.
    """
    folder = tmp_path_factory.mktemp("installed")
    work = tmp_path_factory.mktemp("work")
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], work)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], work)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(
        f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n", encoding="utf-8"
    )
    return Installed(folder, work)


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=_clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_carries_migrations_resources_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("migrations", "resources"):
        shipped = {
            f"altus4_desktop/{path.relative_to(PROJECT).as_posix()}"
            for path in (PROJECT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert shipped
        assert shipped <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"altus4_desktop"}


def test_the_installed_program_does_not_see_the_checkout(installed: Installed) -> None:
    place = _run(
        [str(installed.python), "-c", "import altus4_desktop; print(altus4_desktop.__file__)"],
        installed.work,
    )
    assert Path(place.strip()).is_relative_to(installed.folder)


def test_the_installed_program_migrates_and_searches(
    installed: Installed, tenant_server: DatabaseServer, tmp_path: Path
) -> None:
    database = tenant_server.create_database("wheel")
    tenant_server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(100), body TEXT, "
        "FULLTEXT KEY ft_title_body (title, body))",
        "INSERT INTO notes VALUES (1, 'Lighthouse keeping', 'The lamp is lit at dusk.'), "
        "(2, 'Harbour dues', 'Paid at noon.')",
        database=database,
    )
    account = tenant_server.create_search_account(database)
    data_dir = tmp_path / "data"

    installed.json("migrate", "up", data_dir=data_dir, acting=False)
    status = installed.json("migrate", "status", data_dir=data_dir, acting=False)
    assert status["current"] == status["head"]
    assert {revision["state"] for revision in status["revisions"]} == {"applied"}

    create = ("users", "create", "--email", ADMIN[0], "--name", "Ada", "--password-stdin")
    installed.json(*create, data_dir=data_dir, stdin=ADMIN[1], acting=False)
    installed.json(
        *("connections", "add", "notes", "--host", tenant_server.host),
        *("--port", str(tenant_server.port), "--database", database),
        *("--username", account.username, "--password-stdin"),
        data_dir=data_dir,
        stdin=account.password,
    )
    found = installed.json("search", "lighthouse", "-c", "notes", data_dir=data_dir)
    assert [hit["key"] for hit in found["hits"]] == [{"id": 1}]
    assert found["hits"][0]["columns"]["title"] == "Lighthouse keeping"
    assert [source["state"] for source in found["sources"]] == ["ok"]

    none = installed.call("search", "submarine", "-c", "notes", "--json", data_dir=data_dir)
    assert none.returncode == 1, none.stderr


def test_the_installed_window_opens_and_reports_when_it_is_ready(
    installed: Installed, tmp_path: Path
) -> None:
    done = installed.call("--exit-when-ready", data_dir=tmp_path / "data", acting=False)
    assert done.returncode == 0, done.stderr
    times = json.loads(done.stderr.strip().splitlines()[-1])
    assert times
    assert all(value > 0 for value in times.values())
