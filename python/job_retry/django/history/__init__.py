"""The ledger of failed attempts, and the dead letters: what is kept of jobs that fail, for any job model."""
