"""Pools and servers while somebody looks on."""
