"""What happens inside one model while it reads: numbers of its layers and along a path between two texts."""
