"""What happens inside a model while it reads: its layers, its words along a path, activations put in elsewhere."""
