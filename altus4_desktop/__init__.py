"""Altus 4 Desktop: search, administer and chart MySQL databases from one window."""

__version__ = "0.1.0"
