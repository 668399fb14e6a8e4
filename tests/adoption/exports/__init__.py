"""Exports of reports: an app whose jobs a loop of its own used to run."""
