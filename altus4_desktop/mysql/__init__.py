"""Tenant servers: pools, FULLTEXT statements, introspection, the managed local server."""
