"""What Python's library says about itself, and that nothing is run to read it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from altus4_desktop.services.sample_python import (
    SourceMaterial,
    module_name,
    python_sources,
    read_builtins,
    read_source,
)

_SOURCE = '''"""The first line.

More of it.
"""
import sys
sys.exit("a source that is imported instead of read ends the tests")
__version__ = "1.2"

# A comment that is long enough to be worth reading, and that
# goes on over a second line of the file.
class Lighthouse(dict, list):
    """Shines."""

    def light(self, times: int = 1, *, colour="white") -> str:
        """Light it."""

    def _hidden(self):
        pass

    async def wait(self):
        pass
'''


def test_source_is_read_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "harbour.py"
    path.write_text(_SOURCE, encoding="utf-8")
    material = SourceMaterial()
    read_source(path, "harbour", material)
    [module] = material.modules
    assert module[:6] == (
        1,
        "harbour",
        "The first line.",
        "The first line.\n\nMore of it.",
        "1.2",
        21,
    )
    [lighthouse] = material.classes
    assert lighthouse == (
        1,
        "harbour",
        "harbour.Lighthouse",
        "Shines.",
        "Shines.",
        "dict, list",
        11,
        3,
    )
    assert [row[2:6] for row in material.functions] == [
        (
            "harbour.Lighthouse.light",
            "light(self, times: int=1, *, colour='white') -> str",
            "Light it.",
            "Light it.",
        ),
        ("harbour.Lighthouse.wait", "wait(self)", None, None),
    ]
    assert [row[-1] for row in material.functions] == [0, 1]
    [comment] = material.comments
    assert comment[1] == "harbour, line 9"
    assert str(comment[2]).splitlines()[1] == "goes on over a second line of the file."


@pytest.mark.parametrize(
    "content", [b"def broken(:\n", b"\x00\x01", "größe = 'ä'".encode("latin-1")]
)
def test_source_that_cannot_be_read_adds_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.py"
    path.write_bytes(content)
    material = SourceMaterial()
    read_source(path, "odd", material)
    assert material == SourceMaterial()


def test_module_names_follow_the_folders(tmp_path: Path) -> None:
    assert module_name(tmp_path / "json" / "__init__.py", tmp_path) == "json"
    assert module_name(tmp_path / "json" / "tool.py", tmp_path) == "json.tool"
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "left_out.py").touch()
    (tmp_path / "taken.py").touch()
    assert python_sources(tmp_path) == [tmp_path / "taken.py"]


def test_the_library_alone_gives_most_of_the_rows() -> None:
    paths = python_sources()
    before = set(sys.modules)
    material = SourceMaterial()
    for path in paths:
        read_source(path, module_name(path), material)
    read_builtins(material)
    assert set(sys.modules) == before
    assert len(material.modules) > 300
    assert len(material.classes) > 1_000
    assert len(material.functions) > 8_000
    assert len(material.comments) > 3_000
    titles = {row[2] for row in material.functions}
    assert {"json.dumps", "argparse.ArgumentParser.parse_args", "builtins.str.upper"} <= titles
