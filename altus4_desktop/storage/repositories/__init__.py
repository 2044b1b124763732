"""One class a table: frozen domain records in and out, never a row."""
