"""The pane of API keys."""
