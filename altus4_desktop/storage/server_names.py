"""Names in statements for a server's driver."""

from __future__ import annotations


def quoted(name: str) -> str:
    """``name`` as an identifier in a statement for the driver."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"
