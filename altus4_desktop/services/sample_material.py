"""Real text that every machine has, read on the spot: nothing is imported that could do anything.

The standard library is parsed, never imported; compiled modules are asked for their docstrings
only where they are built into the interpreter.
"""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from inspect import cleandoc
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

Row = tuple[object, ...]

_SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "dist-packages",
        "idle_test",
        "idlelib",
        "lib2to3",
        "site-packages",
        "test",
        "tests",
        "turtledemo",
    }
)
_DPKG_STATUS = Path("/var/lib/dpkg/status")
_TITLE_CHARACTERS = 250
_TEXT_CHARACTERS = 500
_BODY_CHARACTERS = 200_000
_COMMENT_CHARACTERS = 60


@dataclass(slots=True)
class SourceMaterial:
    """Rows read from Python source: one list a table, in the order of the table's columns."""

    modules: list[Row] = field(default_factory=list)
    classes: list[Row] = field(default_factory=list)
    functions: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)


def python_sources(root: Path | None = None) -> list[Path]:
    """The library's source files, in a stable order, without its own tests."""
    root = root or Path(sysconfig.get_paths()["stdlib"])
    return list(_walk(root))


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        # A folder that this user may not list has nothing to show.
        return
    for entry in entries:
        if entry.is_dir():
            if entry.name not in _SKIPPED_FOLDERS and not entry.name.startswith("config-"):
                yield from _walk(entry)
        elif entry.suffix == ".py":
            yield entry


def module_name(path: Path, root: Path | None = None) -> str:
    """The dotted name under which ``path`` would be imported."""
    root = root or Path(sysconfig.get_paths()["stdlib"])
    parts = list(path.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


def read_source(path: Path, name: str, into: SourceMaterial) -> None:
    """Add what one source file says about itself; a file that cannot be parsed adds nothing."""
    try:
        source = path.read_bytes()
        tree = ast.parse(source)
        text = source.decode("utf-8")
        changed_at = _moment(path)
    except (OSError, SyntaxError, ValueError):
        # The library ships files that are broken on purpose, and some in other encodings.
        return
    lines = text.splitlines()
    body = _docstring(tree)
    into.modules.append(
        (
            len(into.modules) + 1,
            name[:_TITLE_CHARACTERS],
            _summary(body),
            body,
            _declared_version(tree),
            len(lines),
            changed_at,
        )
    )
    _read_definitions(tree, name, name, into)
    _read_comments(lines, name, into)


def _read_definitions(node: ast.AST, module: str, prefix: str, into: SourceMaterial) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            title = f"{prefix}.{child.name}"
            body = _docstring(child)
            if body is None and _is_private(title):
                _read_definitions(child, module, title, into)
                continue
            into.classes.append(
                (
                    len(into.classes) + 1,
                    module[:_TITLE_CHARACTERS],
                    title[:_TITLE_CHARACTERS],
                    _summary(body),
                    body,
                    ", ".join(map(ast.unparse, child.bases))[:_TEXT_CHARACTERS],
                    child.lineno,
                    sum(isinstance(item, _FUNCTION) for item in child.body),
                )
            )
            _read_definitions(child, module, title, into)
        elif isinstance(child, _FUNCTION):
            title = f"{prefix}.{child.name}"
            body = _docstring(child)
            if body is None and _is_private(title):
                _read_definitions(child, module, title, into)
                continue
            into.functions.append(
                (
                    len(into.functions) + 1,
                    module[:_TITLE_CHARACTERS],
                    title[:_TITLE_CHARACTERS],
                    _signature(child),
                    _summary(body),
                    body,
                    child.lineno,
                    (child.end_lineno or child.lineno) - child.lineno + 1,
                    int(isinstance(child, ast.AsyncFunctionDef)),
                )
            )
            _read_definitions(child, module, title, into)
        elif isinstance(child, (ast.If, ast.Try, ast.With)):
            _read_definitions(child, module, prefix, into)


def _is_private(title: str) -> bool:
    return any(part.startswith("_") for part in title.split("."))


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"[:_TEXT_CHARACTERS]


def _docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> str | None:
    text = ast.get_docstring(node)
    return text[:_BODY_CHARACTERS] if text else None


def _declared_version(tree: ast.Module) -> str | None:
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
            and any(isinstance(to, ast.Name) and to.id == "__version__" for to in node.targets)
        ):
            return node.value.value[:40]
    return None


def _read_comments(lines: list[str], module: str, into: SourceMaterial) -> None:
    block: list[str] = []
    for number, line in enumerate([*lines, ""], start=1):
        stripped = line.strip()
        if stripped.startswith("#") and not stripped.startswith("#!"):
            block.append(stripped.lstrip("#").strip())
            continue
        if block:
            body = "\n".join(block).strip()
            if len(body) >= _COMMENT_CHARACTERS and sum(map(str.isalpha, body)) * 2 > len(body):
                first = number - len(block)
                into.comments.append(
                    (
                        len(into.comments) + 1,
                        f"{module}, line {first}"[:_TITLE_CHARACTERS],
                        body[:_BODY_CHARACTERS],
                        module[:_TITLE_CHARACTERS],
                        first,
                        len(block),
                    )
                )
            block = []


def read_builtins(into: SourceMaterial) -> None:
    """Add the types and functions that have no Python source: those the interpreter is born with.

    Only modules already in memory are looked at.
    """
    for name in sorted(sys.builtin_module_names):
        module = sys.modules.get(name)
        if module is not None:
            _read_compiled(module, name, into)


def _read_compiled(module: ModuleType, name: str, into: SourceMaterial) -> None:
    body = _text(module)
    into.modules.append((len(into.modules) + 1, name, _summary(body), body, None, None, None))
    for attribute, value in sorted(vars(module).items()):
        title = f"{name}.{attribute}"[:_TITLE_CHARACTERS]
        if isinstance(value, type) and value.__module__ == name:
            body = _text(value)
            methods = [
                (key, member) for key, member in sorted(vars(value).items()) if callable(member)
            ]
            into.classes.append(
                (
                    len(into.classes) + 1,
                    name,
                    title,
                    _summary(body),
                    body,
                    ", ".join(base.__name__ for base in value.__bases__)[:_TEXT_CHARACTERS],
                    None,
                    len(methods),
                )
            )
            for key, member in methods:
                _add_compiled(f"{title}.{key}", name, key, member, into)
        elif callable(value) and getattr(value, "__module__", None) == name:
            _add_compiled(title, name, attribute, value, into)


def _add_compiled(title: str, module: str, name: str, value: object, into: SourceMaterial) -> None:
    body = _text(value)
    if not body:
        return
    signature = getattr(value, "__text_signature__", None) or "(...)"
    into.functions.append(
        (
            len(into.functions) + 1,
            module,
            title[:_TITLE_CHARACTERS],
            f"{name}{signature}"[:_TEXT_CHARACTERS],
            _summary(body),
            body,
            None,
            None,
            0,
        )
    )


def _text(value: object) -> str | None:
    text = getattr(value, "__doc__", None)
    return cleandoc(text)[:_BODY_CHARACTERS] if isinstance(text, str) and text.strip() else None


def _summary(body: str | None) -> str | None:
    if not body:
        return None
    first = body.strip().split("\n\n", 1)[0]
    return " ".join(first.split())[:_TEXT_CHARACTERS]


def _moment(path: Path) -> str:
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return changed.strftime("%Y-%m-%d %H:%M:%S")


@dataclass(slots=True)
class LanguageMaterial:
    """The language reference: topics, their paragraphs, the words that lead to them."""

    topics: list[Row] = field(default_factory=list)
    sections: list[Row] = field(default_factory=list)
    keywords: list[Row] = field(default_factory=list)


_UNDERLINE = re.compile(r"^(.+)\n([*=\-~^\"]{3,})\n", re.MULTILINE)


def read_language_reference() -> LanguageMaterial:
    """The reference that the interpreter's own ``help()`` shows."""
    from pydoc_data.topics import topics

    material = LanguageMaterial()
    for label, body in sorted(topics.items()):
        text = body.strip("\n")
        heading = _UNDERLINE.match(text)
        title = heading.group(1).strip() if heading else label
        topic_id = len(material.topics) + 1
        material.topics.append(
            (topic_id, title[:_TITLE_CHARACTERS], label, text[:_BODY_CHARACTERS], len(text.split()))
        )
        section = title
        position = 0
        for paragraph in _paragraphs(text):
            found = _UNDERLINE.match(paragraph + "\n")
            if found:
                section = found.group(1).strip()
                continue
            position += 1
            material.sections.append(
                (
                    len(material.sections) + 1,
                    topic_id,
                    position,
                    section[:_TITLE_CHARACTERS],
                    paragraph[:_BODY_CHARACTERS],
                )
            )
    _read_keywords(topics, material)
    return material


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if paragraph.strip():
            yield paragraph.strip("\n")


def _read_keywords(topics: Mapping[str, str], into: LanguageMaterial) -> None:
    from pydoc import Helper

    groups: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("keyword", Helper.keywords),
        ("symbol", Helper.symbols),
        ("topic", Helper.topics),
    )
    for kind, words in groups:
        for word, target in sorted(words.items()):
            label = target[0] if isinstance(target, tuple) else str(target)
            while label not in topics and isinstance(Helper.topics.get(label), str):
                label = str(Helper.topics[label])
            text = topics.get(label, "").strip("\n")
            first = next(
                (part for part in _paragraphs(text) if not _UNDERLINE.match(part + "\n")), None
            )
            into.keywords.append(
                (len(into.keywords) + 1, word[:_TITLE_CHARACTERS], kind, label, first)
            )


@dataclass(slots=True)
class PackageMaterial:
    """What is installed: the system's packages and Python's distributions."""

    packages: list[Row] = field(default_factory=list)
    distributions: list[Row] = field(default_factory=list)


def read_packages(status: Path = _DPKG_STATUS) -> PackageMaterial:
    """The descriptions of installed packages; a system without dpkg has Python's alone."""
    material = PackageMaterial()
    for entry in _dpkg_entries(status):
        description = entry.get("Description", "")
        summary, _, rest = description.partition("\n")
        material.packages.append(
            (
                len(material.packages) + 1,
                entry["Package"][:_TITLE_CHARACTERS],
                summary[:_TEXT_CHARACTERS],
                _description(rest),
                entry.get("Version", "")[:100],
                entry.get("Section", "")[:60],
                entry.get("Architecture", "")[:30],
                _whole_number(entry.get("Installed-Size")),
                entry.get("Homepage"),
                _installed_at(status, entry["Package"]),
            )
        )
    _read_distributions(material)
    return material


def _dpkg_entries(status: Path) -> Iterator[dict[str, str]]:
    try:
        text = status.read_text("utf-8", errors="replace")
    except OSError:
        return
    for block in text.split("\n\n"):
        entry: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1] in " \t":
                entry[name] = entry.get(name, "") + "\n" + line[1:]
            else:
                name, _, value = line.partition(":")
                entry[name] = value.strip()
        if "Package" in entry and entry.get("Status", "").endswith(" installed"):
            yield entry


def _description(rest: str) -> str | None:
    lines = ["" if line == "." else line for line in rest.splitlines()]
    return "\n".join(lines).strip()[:_BODY_CHARACTERS] or None


def _installed_at(status: Path, package: str) -> str | None:
    for candidate in (f"{package}.list", f"{package}:amd64.list", f"{package}:arm64.list"):
        path = status.parent / "info" / candidate
        if path.exists():
            return _moment(path)
    return None


def _read_distributions(into: PackageMaterial) -> None:
    from importlib.metadata import distributions

    seen: set[str] = set()
    for distribution in distributions():
        about = distribution.metadata
        name = _header(about, "Name")
        if not name or name.lower() in seen:
            continue
        seen.add(name.lower())
        header = partial(_header, about)
        body = header("Description") or about.get_payload()  # type: ignore[attr-defined]  # a Message, by its documentation
        into.distributions.append(
            (
                len(into.distributions) + 1,
                name[:_TITLE_CHARACTERS],
                (header("Summary") or "")[:_TEXT_CHARACTERS] or None,
                str(body)[:_BODY_CHARACTERS] if body else None,
                distribution.version[:100],
                (header("License-Expression") or header("License") or "")[:_TEXT_CHARACTERS]
                or None,
                header("Requires-Python"),
            )
        )


def _header(about: PackageMetadata, name: str) -> str | None:
    # A missing header may not be asked for with [].
    return str(about[name]) if name in about else None


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
