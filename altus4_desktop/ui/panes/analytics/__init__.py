"""What was searched, found, not found, and how long it took, as charts."""
