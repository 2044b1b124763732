"""The search pane: one query over every connection, hits as they arrive."""
