"""The window's building blocks: what every pane and page is made of."""

from altus4_desktop.ui.widgets.accounts import PasswordForm, StrengthMeter, ZoneBox
from altus4_desktop.ui.widgets.basic import (
    Badge,
    Button,
    Card,
    Chip,
    Divider,
    Icon,
    IconButton,
    KeyCap,
    Label,
    Segments,
    Spinner,
    refresh_style,
)
from altus4_desktop.ui.widgets.forms import FormRow, PasswordField, SearchField, indent_number
from altus4_desktop.ui.widgets.states import Busy, EmptyState, InlineMessage, MessageKind

__all__ = [
    "Badge",
    "Busy",
    "Button",
    "Card",
    "Chip",
    "Divider",
    "EmptyState",
    "FormRow",
    "Icon",
    "IconButton",
    "InlineMessage",
    "KeyCap",
    "Label",
    "MessageKind",
    "PasswordField",
    "PasswordForm",
    "SearchField",
    "Segments",
    "Spinner",
    "StrengthMeter",
    "ZoneBox",
    "indent_number",
    "refresh_style",
]
