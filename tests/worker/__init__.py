"""The worker and its commands, in threads and in processes of their own."""
