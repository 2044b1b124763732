"""Use cases: one class a subject; rules and permissions live here."""
