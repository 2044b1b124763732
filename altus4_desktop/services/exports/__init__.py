"""What was found, as files for other programs."""
