"""What README.md and docs/ say is tried out: examples run, commands exist, tables and diagrams match the code."""
