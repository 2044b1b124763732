"""The connections pane: saved profiles, their tests, their schemas."""
