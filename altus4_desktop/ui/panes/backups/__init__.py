"""Backups of the metadata store: a list, what each is worth, and the way back."""
