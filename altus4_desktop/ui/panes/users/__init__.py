"""The users pane: accounts, for admins."""
