"""A job model from before the queue, and its move into it."""
