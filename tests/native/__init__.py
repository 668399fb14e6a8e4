"""The native classes against an oracle in plain Python. Needs neither Django nor a database."""
