"""Measuring fingerprints on labelled groups of messages."""
