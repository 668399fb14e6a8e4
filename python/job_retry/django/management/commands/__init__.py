"""The commands: each only reads its arguments and calls the manager or the worker."""
