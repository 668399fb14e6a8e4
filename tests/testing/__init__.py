"""The helpers that projects use in their own tests."""
