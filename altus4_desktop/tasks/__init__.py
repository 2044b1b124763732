"""Background work for Qt: lanes, handles, cancellation."""
