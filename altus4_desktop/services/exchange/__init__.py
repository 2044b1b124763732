"""Bringing connections in from other programs, and taking them out to other computers."""
