"""The admin of job models."""
