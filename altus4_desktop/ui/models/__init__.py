"""Table models that hold frozen records."""
