"""The evaluation pane: how well searches find what people judged relevant."""
