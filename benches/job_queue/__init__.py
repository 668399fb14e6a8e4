"""Job queues at the same work, side by side: each a program in processes of its own, in rounds that alternate."""
