"""Composition root: builds every layer once and knows where things live on disk."""
