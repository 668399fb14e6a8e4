"""Queues that have grown: tables of many jobs in several databases, and what statements on them take."""
