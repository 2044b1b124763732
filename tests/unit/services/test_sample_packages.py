"""What is installed, as rows."""

from __future__ import annotations

from pathlib import Path

from altus4_desktop.services.sample_packages import read_packages


def test_packages_are_those_that_are_installed(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Package: lighthouse\nStatus: install ok installed\nVersion: 1:2.0-1\nSection: sea\n"
        "Architecture: all\nInstalled-Size: 12\nHomepage: https://example.org\n"
        "Description: shines at night\n First paragraph.\n .\n Second paragraph.\n"
        "\n"
        "Package: wreck\nStatus: deinstall ok config-files\nVersion: 1\nDescription: gone\n",
        encoding="utf-8",
    )
    [row] = read_packages(status)["packages"]
    assert row == (
        1,
        "lighthouse",
        "shines at night",
        "First paragraph.\n\nSecond paragraph.",
        "1:2.0-1",
        "sea",
        "all",
        12,
        "https://example.org",
        None,
    )


def test_a_machine_without_dpkg_still_has_python_distributions(tmp_path: Path) -> None:
    tables = read_packages(tmp_path / "none")
    assert tables["packages"] == []
    assert {"PyMySQL", "SQLAlchemy"} <= {str(row[1]) for row in tables["distributions"]}
