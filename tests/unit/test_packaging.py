"""What is shipped beside the code agrees with the code."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.servers import PROJECT

PACKAGING = PROJECT / "packaging"


def test_every_package_that_comes_along_is_listed_with_its_licence() -> None:
    table = (PROJECT / "resources" / "THIRD_PARTY.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+?) \|", table, re.MULTILINE))
    listed.pop("package", None)
    lock = (PACKAGING / "lock" / "runtime.txt").read_text(encoding="utf-8")
    assert set(listed) == set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    for name, licence in listed.items():
        expression = _licence_expression(name)
        assert expression in {None, licence}, f"{name} is {expression}"


def _licence_expression(name: str) -> str | None:
    """The SPDX expression in the package's metadata; None when it states none or is elsewhere."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    assert canonicalize_name(about["Name"]) == name
    expression = about.json.get("license_expression")
    assert expression is None or isinstance(expression, str)
    return expression


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_desktop_entry_starts_what_the_wheel_installs() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
    entry.read(PACKAGING / "altus4-desktop.desktop", encoding="utf-8")
    main = entry["Desktop Entry"]
    assert main["Type"] == "Application"
    assert main["Exec"] == "altus4-desktop"
    for action in filter(None, main["Actions"].split(";")):
        assert entry[f"Desktop Action {action}"]["Exec"].startswith("altus4-desktop ")


def test_the_build_recipe_is_python_and_names_what_exists() -> None:
    source = (PACKAGING / "altus4-desktop.spec").read_text(encoding="utf-8")
    compile(source, "altus4-desktop.spec", "exec")
    for shipped in ("migrations", "resources", "LICENSE", "resources/THIRD_PARTY.md"):
        assert (PROJECT / shipped).exists()


@pytest.mark.parametrize("script", ["setup.sh", "get-mysql.sh", "lock.sh"])
def test_a_script_is_executable_and_parses(script: str) -> None:
    path = PACKAGING / script
    assert path.stat().st_mode & 0o111
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run([bash, "-n", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_hooks_are_local_and_run_the_projects_own_tools() -> None:
    config = (PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"repo: (\S+)", config)) == {"local"}
    programs = re.findall(r"entry: (\S+)", config)
    assert sorted(set(programs)) == [
        f".venv/bin/{tool}" for tool in ("lint-imports", "mypy", "ruff")
    ]


def test_no_file_names_a_package_index_or_a_place_on_one_machine() -> None:
    place = re.compile(r"--(extra-)?index-url|/simple/|(?<![\w}])/(root|work)/")
    named = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()[:120]}"
        for path in _own_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if place.search(line)
    ]
    assert named == []


def _own_texts() -> Iterator[Path]:
    """Every text file of the checkout but this one and the recipe that forbids addresses."""
    exempt = {Path(__file__), PACKAGING / "lock.sh"}
    for folder, folders, names in os.walk(PROJECT):
        made = {".git", ".venv", ".cache", "build", "dist", "__pycache__", ".hypothesis"}
        folders[:] = [name for name in folders if name not in made and "_cache" not in name]
        for name in names:
            path = Path(folder, name)
            if path.suffix not in {".png", ".ico", ".pyc"} and path not in exempt:
                yield path
