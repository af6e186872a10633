"""What happens inside a model while it reads a text: activations taken, and put in elsewhere."""
