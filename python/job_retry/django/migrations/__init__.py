"""Migrations of the app's own tables: the ledger, the dead letters and what is done with them."""
