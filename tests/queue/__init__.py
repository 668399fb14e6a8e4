"""The Django half: state machine, manager, settings."""
