"""Spacing, type and colours in one place, light and dark, and the style sheet made of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from string import Template
from typing import ClassVar, Final
from weakref import WeakSet

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from altus4_desktop.domain.bundle import bundled


class Space:
    """Distances between things, in device independent pixels."""

    XS: Final = 4
    S: Final = 8
    M: Final = 12
    L: Final = 16
    XL: Final = 24
    XXL: Final = 32
    HUGE: Final = 48


class Radius:
    """Corner radii: a mark in text, a control, a card."""

    S: Final = 4
    M: Final = 7
    L: Final = 11


class TypeSize:
    """The type scale, in device independent pixels."""

    CAPTION: Final = 12
    BODY: Final = 13
    LEAD: Final = 15
    TITLE: Final = 18
    HEADING: Final = 23
    DISPLAY: Final = 30


class ThemeChoice(StrEnum):
    """What the settings say about colours."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Palette:
    """Every colour of one theme, as #RRGGBB.

    ``*_soft`` are backgrounds on which the colour of the same name and ``text`` are readable.
    ``accent`` is for text and lines, ``accent_fill`` for areas that carry ``on_accent``.
    """

    is_dark: bool
    canvas: str
    rail: str
    surface: str
    raised: str
    hover: str
    pressed: str
    border: str
    border_strong: str
    border_input: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_fill: str
    accent_hover: str
    accent_pressed: str
    accent_soft: str
    on_accent: str
    success: str
    success_soft: str
    warning: str
    warning_soft: str
    danger: str
    danger_fill: str
    danger_hover: str
    danger_soft: str
    mark: str
    on_mark: str
    scrim: str

    def color(self, role: str) -> QColor:
        """The colour called ``role``."""
        return QColor(str(getattr(self, role)))


LIGHT: Final = Palette(
    is_dark=False,
    canvas="#F6F7F9",
    rail="#EEF0F3",
    surface="#FFFFFF",
    raised="#FFFFFF",
    hover="#E8EBEF",
    pressed="#DDE1E7",
    border="#E1E4E9",
    border_strong="#C3C9D2",
    border_input="#868E9B",
    text="#1A1D23",
    muted="#535B67",
    faint="#5F6874",
    accent="#3A50CF",
    accent_fill="#4259DB",
    accent_hover="#374CC6",
    accent_pressed="#2E40AC",
    accent_soft="#E7EBFD",
    on_accent="#FFFFFF",
    success="#176B43",
    success_soft="#E0F3E8",
    warning="#875200",
    warning_soft="#FCF0D6",
    danger="#BD2436",
    danger_fill="#C62B3D",
    danger_hover="#AC2132",
    danger_soft="#FCE9EA",
    mark="#FFE9A3",
    on_mark="#1A1D23",
    scrim="#1A1D23",
)

DARK: Final = Palette(
    is_dark=True,
    canvas="#15171C",
    rail="#111318",
    surface="#1C1F26",
    raised="#23272F",
    hover="#262A33",
    pressed="#2F3440",
    border="#2A2F38",
    border_strong="#424956",
    border_input="#6B7382",
    text="#E7E9ED",
    muted="#A9B1BD",
    faint="#939CAA",
    accent="#9DAEFF",
    accent_fill="#4D63E3",
    accent_hover="#5468E6",
    accent_pressed="#4257CF",
    accent_soft="#262E50",
    on_accent="#FFFFFF",
    success="#68CB97",
    success_soft="#17342A",
    warning="#E8B85C",
    warning_soft="#3A2E16",
    danger="#FF8C93",
    danger_fill="#C93445",
    danger_hover="#D03B4C",
    danger_soft="#42222A",
    mark="#6B5413",
    on_mark="#FFF6DC",
    scrim="#000000",
)

_UNCHOSEN_FONTS = {"", "Sans", "Sans Serif", "DejaVu Sans", "Bitstream Vera Sans"}
_PREFERRED_FONTS = ("Inter", "Adwaita Sans", "Noto Sans", "Cantarell", "Ubuntu", "Open Sans")
_PREFERRED_MONO = ("JetBrains Mono", "Cascadia Code", "Fira Code", "Noto Sans Mono", "Ubuntu Mono")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two #RRGGBB colours as WCAG defines it, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def build_style_sheet(palette: Palette) -> str:
    """The style sheet of everything in the colours of ``palette``."""
    folder = bundled("resources") / "themes"
    sizes = {
        f"{scale.__name__.lower()}_{name.lower()}": value
        for scale in (Space, Radius, TypeSize)
        for name, value in vars(scale).items()
        if isinstance(value, int)
    }
    template = Template((folder / "desktop.qss").read_text(encoding="utf-8"))
    shade = "dark" if palette.is_dark else "light"
    return template.substitute(
        asdict(palette), **sizes, folder=folder.as_posix(), shade=shade, mono=mono_family()
    )


def mono_family() -> str:
    """The family of code and statements."""
    for family in _PREFERRED_MONO:
        if QFontDatabase.hasFamily(family):
            return family
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


def ui_font() -> QFont:
    """The font of everything: the one the desktop chose, or the best one installed."""
    font = QFont(QGuiApplication.font())
    if font.family() in _UNCHOSEN_FONTS:
        for family in _PREFERRED_FONTS:
            if QFontDatabase.hasFamily(family):
                font.setFamily(family)
                break
    font.setPixelSize(TypeSize.BODY)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def system_color_scheme() -> Qt.ColorScheme:
    """What the desktop asks for."""
    return QGuiApplication.styleHints().colorScheme()


class Theme(QObject):
    """The colours in use; follows the desktop unless the choice says otherwise.

    ``changed`` comes after all that can be seen wears the new colours; what is hidden follows, one
    part with each turn of the event loop.
    """

    changed = Signal()

    def __init__(self, choice: ThemeChoice = ThemeChoice.AUTO, parent: QObject | None = None):
        super().__init__(parent)
        self._choice = choice
        self._palette = LIGHT
        self._rest = QTimer(self)
        # Begun anew after each part: one that repeats would be due before all that waited for it.
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._dress_one)

    @property
    def choice(self) -> ThemeChoice:
        """What the settings say."""
        return self._choice

    @property
    def palette(self) -> Palette:
        """The colours in use."""
        return self._palette

    def install(self, app: QApplication) -> None:
        """Dress ``app`` and keep following the desktop."""
        app.setStyle("Fusion")
        app.setFont(ui_font())
        hints = QGuiApplication.styleHints()
        if self._choice is not ThemeChoice.AUTO:
            hints.setColorScheme(_SCHEMES[self._choice])
        hints.colorSchemeChanged.connect(self._follow)
        self._wear()

    def set_choice(self, choice: ThemeChoice) -> None:
        """Use light, dark or what the desktop says, at once."""
        self._choice = choice
        QGuiApplication.styleHints().setColorScheme(_SCHEMES[choice])
        self._follow()

    @Slot()
    def _follow(self) -> None:
        if self._wanted() is not self._palette:
            self._wear()

    def _wanted(self) -> Palette:
        if self._choice is ThemeChoice.AUTO:
            return DARK if system_color_scheme() is Qt.ColorScheme.Dark else LIGHT
        return DARK if self._choice is ThemeChoice.DARK else LIGHT

    def _wear(self) -> None:
        self._palette = self._wanted()
        _Worn.palette = self._palette
        app = QApplication.instance()
        if isinstance(app, QApplication):
            _Worn.style_sheet = build_style_sheet(self._palette)
            app.setPalette(_qt_palette(self._palette))
            for part in _undressed():
                if part.isVisible():
                    dress(part)
            self._rest.start(0)
        self.changed.emit()

    @Slot()
    def _dress_one(self) -> None:
        parts = _undressed()
        if parts:
            dress(parts[0])
        if len(parts) > 1:
            self._rest.start(0)


class _Worn:
    """Painting happens without arguments: icons and painted widgets ask here, as Qt's own ask
    QApplication for its palette."""

    palette: Palette = LIGHT
    style_sheet = ""
    parts: ClassVar[WeakSet[QWidget]] = WeakSet()


def dress(part: QWidget) -> None:
    """Have ``part`` and all that is in it wear the style sheet, now and when the theme changes.

    Parts are pages, panes, dialogs and what is beside them. The application itself has no style
    sheet: when it gets another one, Qt goes through every widget once for each of its ancestors,
    hidden or not, which takes seconds; and it goes through all that moves from one parent to
    another. Nothing happens to what is in a part already, and when nobody has installed a `Theme`.
    """
    around = part.parentWidget()
    while around is not None:
        if around in _Worn.parts:
            return
        around = around.parentWidget()
    _Worn.parts.add(part)
    if part.styleSheet() != _Worn.style_sheet:
        part.setStyleSheet(_Worn.style_sheet)


def _undressed() -> list[QWidget]:
    return [
        part for part in _Worn.parts if isValid(part) and part.styleSheet() != _Worn.style_sheet
    ]


def worn_palette() -> Palette:
    """The colours the application wears now."""
    return _Worn.palette


_SCHEMES: Final = {
    ThemeChoice.AUTO: Qt.ColorScheme.Unknown,
    ThemeChoice.LIGHT: Qt.ColorScheme.Light,
    ThemeChoice.DARK: Qt.ColorScheme.Dark,
}


def _qt_palette(colors: Palette) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for target, name in (
        (role.Window, "canvas"),
        (role.WindowText, "text"),
        (role.Base, "surface"),
        (role.AlternateBase, "canvas"),
        (role.Text, "text"),
        (role.PlaceholderText, "faint"),
        (role.Button, "raised"),
        (role.ButtonText, "text"),
        (role.BrightText, "danger"),
        (role.ToolTipBase, "raised"),
        (role.ToolTipText, "text"),
        (role.Highlight, "accent_fill"),
        (role.HighlightedText, "on_accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.Accent, "accent_fill"),
        (role.Light, "raised"),
        (role.Midlight, "hover"),
        (role.Mid, "border"),
        (role.Dark, "border_strong"),
        (role.Shadow, "scrim"),
    ):
        palette.setColor(target, colors.color(name))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, colors.color("faint"))
    return palette
