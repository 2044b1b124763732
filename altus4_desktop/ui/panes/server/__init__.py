"""The managed local server."""
