"""Checkpoints on this machine: found, checked, loaded, and adapters put on them."""
