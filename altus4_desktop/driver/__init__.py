"""How a MySQL-protocol connection is opened safely, and how its failures are named."""
