"""What Python's own library says about itself, read from its files.

Nothing is imported that could do anything: source is parsed, and compiled modules are asked for
their docstrings only where they are built into the interpreter.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import cleandoc
from pathlib import Path
from types import ModuleType

from altus4_desktop.services.sample_rows import (
    BODY_CHARACTERS,
    TEXT_CHARACTERS,
    TITLE_CHARACTERS,
    Row,
    add_row,
    changed_at,
)

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
_COMMENT_CHARACTERS = 60
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


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
        changed = changed_at(path)
    except (OSError, SyntaxError, ValueError):
        # The library ships files that are broken on purpose, and some in other encodings.
        return
    lines = text.splitlines()
    body = _docstring(tree)
    add_row(
        into.modules,
        name[:TITLE_CHARACTERS],
        _summary(body),
        body,
        _declared_version(tree),
        len(lines),
        changed,
    )
    _read_definitions(tree, name, name, into)
    _read_comments(lines, name, into)


def _read_definitions(node: ast.AST, module: str, prefix: str, into: SourceMaterial) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, *_FUNCTION)):
            title = f"{prefix}.{child.name}"
            body = _docstring(child)
            if body is not None or not _is_private(title):
                _add_definition(child, module, title, body, into)
            _read_definitions(child, module, title, into)
        elif isinstance(child, (ast.If, ast.Try, ast.With)):
            _read_definitions(child, module, prefix, into)


def _add_definition(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
    module: str,
    title: str,
    body: str | None,
    into: SourceMaterial,
) -> None:
    place = (module[:TITLE_CHARACTERS], title[:TITLE_CHARACTERS])
    if isinstance(node, ast.ClassDef):
        add_row(
            into.classes,
            *place,
            _summary(body),
            body,
            ", ".join(map(ast.unparse, node.bases))[:TEXT_CHARACTERS],
            node.lineno,
            sum(isinstance(item, _FUNCTION) for item in node.body),
        )
    else:
        add_row(
            into.functions,
            *place,
            _signature(node),
            _summary(body),
            body,
            node.lineno,
            (node.end_lineno or node.lineno) - node.lineno + 1,
            int(isinstance(node, ast.AsyncFunctionDef)),
        )


def _is_private(title: str) -> bool:
    return any(part.startswith("_") for part in title.split("."))


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"[:TEXT_CHARACTERS]


def _docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> str | None:
    text = ast.get_docstring(node)
    return text[:BODY_CHARACTERS] if text else None


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
                add_row(
                    into.comments,
                    f"{module}, line {first}"[:TITLE_CHARACTERS],
                    body[:BODY_CHARACTERS],
                    module[:TITLE_CHARACTERS],
                    first,
                    len(block),
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
    add_row(into.modules, name, _summary(body), body, None, None, None)
    for attribute, value in sorted(vars(module).items()):
        title = f"{name}.{attribute}"[:TITLE_CHARACTERS]
        if isinstance(value, type) and value.__module__ == name:
            body = _text(value)
            methods = [
                (key, member) for key, member in sorted(vars(value).items()) if callable(member)
            ]
            add_row(
                into.classes,
                name,
                title,
                _summary(body),
                body,
                ", ".join(base.__name__ for base in value.__bases__)[:TEXT_CHARACTERS],
                None,
                len(methods),
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
    add_row(
        into.functions,
        module,
        title[:TITLE_CHARACTERS],
        f"{name}{signature}"[:TEXT_CHARACTERS],
        _summary(body),
        body,
        None,
        None,
        0,
    )


def _text(value: object) -> str | None:
    text = getattr(value, "__doc__", None)
    return cleandoc(text)[:BODY_CHARACTERS] if isinstance(text, str) and text.strip() else None


def _summary(body: str | None) -> str | None:
    if not body:
        return None
    first = body.strip().split("\n\n", 1)[0]
    return " ".join(first.split())[:TEXT_CHARACTERS]
