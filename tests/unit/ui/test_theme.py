"""Colours people can read, in both themes."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

import pytest

from altus4_desktop.ui.theme import DARK, LIGHT, Palette, build_style_sheet, contrast

GROUNDS = ("canvas", "rail", "surface", "raised")


def test_contrast_is_computed_as_wcag_says() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert contrast("#FFFFFF", "#777777") == contrast("#777777", "#FFFFFF")


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *product(("text", "muted", "faint", "accent", "success", "warning", "danger"), GROUNDS),
        *product(("text", "muted"), ("hover", "accent_soft")),
        ("accent", "accent_soft"),
        ("success", "success_soft"),
        ("warning", "warning_soft"),
        ("danger", "danger_soft"),
        *product(("text",), ("success_soft", "warning_soft", "danger_soft", "pressed")),
        ("on_accent", "accent_fill"),
        ("on_accent", "accent_hover"),
        ("on_accent", "accent_pressed"),
        ("on_accent", "danger_fill"),
        ("on_accent", "danger_hover"),
        ("on_mark", "mark"),
    ],
)
def test_text_stands_out_from_its_ground(palette: Palette, text: str, ground: str) -> None:
    ratio = contrast(getattr(palette, text), getattr(palette, ground))
    assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["surface", "canvas", "raised"])
def test_the_border_of_a_field_can_be_seen(palette: Palette, ground: str) -> None:
    """WCAG 2.2, 1.4.11: what tells where a control is has a contrast of 3 to 1."""
    ratio = contrast(palette.border_input, str(getattr(palette, ground)))
    assert ratio >= 3, f"{ground}: {ratio:.2f}"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_focus_ring_stands_out(palette: Palette, ground: str) -> None:
    assert contrast(palette.accent, getattr(palette, ground)) >= 3.0


def test_every_colour_is_written_as_six_digits() -> None:
    for palette in (LIGHT, DARK):
        for field in fields(palette):
            value = getattr(palette, field.name)
            if field.name != "is_dark":
                assert len(value) == 7
                assert int(value[1:], 16) >= 0


@pytest.mark.usefixtures("qapp")
def test_the_style_sheet_has_no_hole() -> None:
    for palette in (LIGHT, DARK):
        sheet = build_style_sheet(palette)
        assert "$" not in sheet.split("*/", 1)[1]
        assert palette.accent in sheet
        assert sheet.count("{") == sheet.count("}")
