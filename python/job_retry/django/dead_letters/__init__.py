"""What people do with dead letters: choose, group, look into, requeue, discard."""
