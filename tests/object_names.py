"""The objectNames written in the code of the window, and their list in CONTRIBUTING.md.

``python -m tests.object_names`` writes the list anew.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CONTRIBUTING = PROJECT / "CONTRIBUTING.md"
_PACKAGE = PROJECT / "altus4_desktop"
_DOTTED = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_FILE_OR_HOST = (".ini", ".json", ".org", ".qss", ".svg")
_BEGIN, _END = "<!-- object names -->", "<!-- end of object names -->"


def find_object_names() -> set[str]:
    """Every dotted name in ``ui`` that is neither a file nor a host nor a code of an error."""
    elsewhere = {
        text
        for path in _PACKAGE.rglob("*.py")
        if not path.is_relative_to(_PACKAGE / "ui")
        for text in _dotted_texts(path)
    }
    inside = {text for path in (_PACKAGE / "ui").rglob("*.py") for text in _dotted_texts(path)}
    return {name for name in inside - elsewhere if not name.endswith(_FILE_OR_HOST)}


def _dotted_texts(path: Path) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _DOTTED.fullmatch(node.value)
    }


def build_table(names: set[str]) -> str:
    """The list as it stands in CONTRIBUTING.md, by the part of the window."""
    parts: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        parts[name.partition(".")[0]].append(f"`{name}`")
    rows = [f"| {part} | {', '.join(found)} |" for part, found in parts.items()]
    return "\n".join(["| part | names |", "|---|---|", *rows])


def read_table() -> str:
    """What CONTRIBUTING.md holds between its marks."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    return text.partition(_BEGIN)[2].partition(_END)[0].strip()


def write_table() -> None:
    """Put the list of now into CONTRIBUTING.md."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    table = build_table(find_object_names())
    CONTRIBUTING.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_table()
