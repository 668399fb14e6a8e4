"""Database servers that live as long as one command, and the runs of the test suite that need them."""
