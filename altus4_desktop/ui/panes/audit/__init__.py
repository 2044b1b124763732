"""The audit pane: who did what."""
