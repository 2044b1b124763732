"""Charts of the figures of a period, as tables; asks nobody."""
