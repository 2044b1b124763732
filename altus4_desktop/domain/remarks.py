"""Sentences that are no failures: templates over their details, as errors are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from altus4_desktop.domain.errors import Detail


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a person is told; the window translates the template and fills it in."""

    template: str
    details: Mapping[str, Detail] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence, filled in."""
        return self.template.format_map(self.details) if self.details else self.template
