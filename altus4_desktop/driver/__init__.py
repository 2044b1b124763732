"""The one place that opens a PyMySQL connection: sockets, TLS, sign-in, error sentences.

Nothing here imports PyMySQL before a connection is opened, so importing the package is cheap.
"""
