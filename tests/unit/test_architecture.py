"""The shape of the code, checked: who may import what, what a command loads, which versions."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from altus4_desktop.app.compose import compose
from tests.permission_table import NO_ACTOR, missing_lines
from tests.servers import PROJECT

PACKAGE = PROJECT / "altus4_desktop"
LOCKS = PROJECT / "packaging" / "lock"
SUPPORTED_PYTHONS = ("3.11", "3.12", "3.13")
QT = ("PySide6", "shiboken6", "pyqtgraph")
# What semantic search needs, loaded by the first such search.
MODEL = (
    "numpy",
    "wordllama",
    "tokenizers",
    "safetensors",
    "Stemmer",
    "huggingface_hub",
    "requests",
)
VAGUE_WORDS = ("manager", "helper", "helpers", "util", "utils", "common", "misc", "info")


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_contracts_see_an_import_inside_a_function(tmp_path: Path) -> None:
    """A contract that cannot fail proves nothing: one lazy import of Qt must break it."""
    _copy_sources(tmp_path)
    offender = tmp_path / "altus4_desktop" / "services" / "offender.py"
    offender.write_text("def paint():\n    import PySide6.QtGui\n", encoding="utf-8")
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "altus4_desktop.services.offender -> PySide6" in done.stdout


def test_who_may_call_a_service_is_said_for_every_method(tmp_path: Path) -> None:
    wanted = missing_lines(compose(tmp_path))
    assert not wanted, "tests/permission_table.py wants\n" + "\n".join(wanted)


def test_what_services_leave_to_the_one_that_calls_them_is_called_by_services_alone() -> None:
    inner = [method for method, reason in NO_ACTOR.items() if reason.startswith("for ")]
    assert inner
    call = re.compile(rf"\b({'|'.join(map(re.escape, inner))})\b")
    for layer in ("app", "cli", "tasks", "ui"):
        for source in _python_files(PACKAGE / layer):
            found = call.search(source.read_text("utf-8"))
            assert found is None, f"{source.relative_to(PROJECT)}: {found}"


def test_every_service_is_one_of_the_services(tmp_path: Path) -> None:
    there = {type(value).__name__ for value in vars(compose(tmp_path)).values()}
    named = re.compile(r"^class (\w+Service)\b", re.MULTILINE)
    for source in _python_files(PACKAGE / "services"):
        for name in named.findall(source.read_text("utf-8")):
            assert name in there, f"{source.name}: {name} is no field of Services"


def _copy_sources(folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes((PROJECT / "pyproject.toml").read_bytes())
    for source in _python_files(PACKAGE):
        copy = folder / source.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())


@pytest.mark.parametrize(
    "arguments",
    [["search", "--help"], ["search", "any"], ["migrate", "status", "--json"], ["doctor"]],
    ids=" ".join,
)
def test_a_command_imports_nothing_of_qt(arguments: list[str], tmp_path: Path) -> None:
    loaded = _modules_loaded_by(arguments, tmp_path)
    assert "altus4_desktop.cli.frame" in loaded
    assert [name for name in loaded if name.partition(".")[0] in (*QT, *MODEL)] == []


def test_the_window_loads_nothing_of_the_language_model() -> None:
    code = (
        "import json, sys\n"
        "import altus4_desktop.app.window, altus4_desktop.ui.window\n"
        "import altus4_desktop.ui.panes.search.pane, altus4_desktop.services.search\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert "PySide6.QtWidgets" in loaded
    assert [name for name in loaded if name.partition(".")[0] in MODEL] == []


def test_help_of_a_command_loads_no_driver(tmp_path: Path) -> None:
    loaded = _modules_loaded_by(["search", "--help"], tmp_path)
    drivers = {"pymysql", "sqlalchemy", "alembic", "cryptography", "bcrypt", "keyring"}
    assert drivers.isdisjoint(name.partition(".")[0] for name in loaded)


def _modules_loaded_by(arguments: list[str], data_dir: Path) -> list[str]:
    """The names in ``sys.modules`` after running the program with ``arguments`` to its end."""
    driver = (
        "import contextlib, io, json, sys\n"
        "from altus4_desktop.__main__ import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main()\n"
        "sys.__stdout__.write(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", driver, *arguments],
        env={**os.environ, "ALTUS4_DATA_DIR": str(data_dir / "data"), "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    return names


def test_the_pyside_release_that_aborts_is_excluded() -> None:
    """6.12.0 loses a reference at each Signal.emit() before Python 3.12; the process aborts."""
    declared = _declared()["pyside6-essentials"].specifier
    assert Version("6.12.0") not in declared
    assert Version("6.11.2") in declared
    assert Version("6.12.1") in declared
    for lock in ("runtime", "dev"):
        for version, _marker in _locked(lock)["pyside6-essentials"]:
            assert version != Version("6.12.0")


def test_pymysql_stays_within_the_release_whose_tls_was_checked() -> None:
    declared = _declared()["pymysql"].specifier
    assert Version("1.2.4") in declared
    assert Version("1.2.3") not in declared
    assert Version("1.3.0") not in declared


def test_only_the_essentials_of_pyside_are_installed() -> None:
    for lock in ("runtime", "dev"):
        assert "pyside6" not in _locked(lock)
        assert "pyside6-addons" not in _locked(lock)


@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_lock_answers_every_dependency_everywhere(python: str, platform: str) -> None:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    for name, requirement in _declared().items():
        versions = [
            version
            for version, marker in _locked("runtime").get(name, [])
            if marker is None or marker.evaluate(environment)
        ]
        assert len(versions) == 1, f"{name} on Python {python}, {platform}: {versions}"
        assert versions[0] in requirement.specifier


def test_the_lock_pins_by_hash_and_names_no_index() -> None:
    for lock in LOCKS.glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, f"{lock.name} names an address"
        assert not re.search(r"^--", text, re.MULTILINE), f"{lock.name} holds an option"
        for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
            assert "--hash=sha256:" in block, f"{lock.name}: no hash in {block[:60]!r}"


def test_the_development_lock_is_the_runtime_lock_and_more() -> None:
    development = _locked("dev")
    for lock in ("runtime", "build"):
        for name, versions in _locked(lock).items():
            assert development.get(name) == versions, f"{name} differs: run make lock"


def test_python_3_11_is_enough() -> None:
    project = _pyproject()["project"]
    supported = SpecifierSet(project["requires-python"])
    assert all(python in supported for python in SUPPORTED_PYTHONS)
    for source in _python_files(PACKAGE):
        ast.parse(source.read_text(encoding="utf-8"), source.name, feature_version=(3, 11))


def test_the_main_window_only_navigates() -> None:
    """A main window grows into the whole program unless something stops it."""
    source = (PACKAGE / "ui" / "window.py").read_text(encoding="utf-8")
    [window] = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == "MainWindow"
    ]
    methods = [node for node in window.body if isinstance(node, ast.FunctionDef)]
    assert len(source.splitlines()) <= 500
    assert len(methods) <= 45
    assert max(_length(method) for method in methods) <= 60


def test_no_file_and_no_function_is_a_pile() -> None:
    too_long = [
        f"{path.relative_to(PROJECT)}: {len(path.read_text(encoding='utf-8').splitlines())} lines"
        for path in _python_files(PACKAGE)
        if len(path.read_text(encoding="utf-8").splitlines()) > 900
    ]
    too_long += [
        f"{path.relative_to(PROJECT)}: {function.name} has {_length(function)} lines"
        for path in _python_files(PACKAGE)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and _length(function) > 120
    ]
    assert too_long == []


def test_no_name_says_nothing() -> None:
    """Managers, helpers and utilities are where unrelated things gather."""
    vague = []
    for path in _python_files(PACKAGE):
        names = [path.stem]
        names += [
            node.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ClassDef)
        ]
        for name in names:
            words = re.findall(r"[A-Z]?[a-z]+", name)
            # TableInfo and its like are records of what a server says, named so from the start.
            if any(word.lower() in VAGUE_WORDS for word in words) and not name.endswith("Info"):
                vague.append(f"{path.relative_to(PROJECT)}: {name}")
    assert vague == []


def test_migrations_stand_on_their_own() -> None:
    """A revision that imports today's models changes its meaning when they change."""
    allowed = ("altus4_desktop.storage.steps", "altus4_desktop.storage.types")
    versions = list((PROJECT / "migrations" / "versions").glob("*.py"))
    assert versions
    for path in versions:
        own = [name for name in _imports(path) if name.startswith("altus4_desktop")]
        assert [name for name in own if not name.startswith(allowed)] == [], path.name


def test_tests_wait_for_conditions_and_never_sleep() -> None:
    sleeping = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for path in _python_files(PROJECT / "tests")
        if "benchmarks" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"time.sleep", "sleep", "QTest.qWait", "qtbot.wait"}
    ]
    assert sleeping == []


def test_every_exception_to_a_rule_says_why() -> None:
    exception = re.compile(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[^]]+\])")
    bare = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for folder in (PACKAGE, PROJECT / "tests", PROJECT / "migrations")
        for path in _python_files(folder)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if exception.search(line) and not re.match(r"\s*[-#(]\s*\w", exception.split(line)[-1])
    ]
    assert bare == []


def _python_files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.py"))


def _length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _pyproject() -> dict[str, dict[str, str]]:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def _declared() -> dict[str, Requirement]:
    requirements = map(Requirement, _pyproject()["project"]["dependencies"])
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def _locked(name: str) -> dict[str, list[tuple[Version, Marker | None]]]:
    """What a lock file pins: name -> (version, when it applies), several where Pythons differ."""
    pinned: dict[str, list[tuple[Version, Marker | None]]] = {}
    for line in (LOCKS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith((" ", "#")):
            continue
        requirement = Requirement(line.removesuffix("\\"))
        [specifier] = requirement.specifier
        pin = (Version(specifier.version), requirement.marker)
        pinned.setdefault(canonicalize_name(requirement.name), []).append(pin)
    return pinned
