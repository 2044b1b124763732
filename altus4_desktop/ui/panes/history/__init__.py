"""The searches of the last days, to run again."""
