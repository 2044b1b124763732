"""The metadata store pane: revisions, drift, and who else is connected."""
