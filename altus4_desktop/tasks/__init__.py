"""Background work for the window: lanes, handles, cancellation (QtCore only)."""
