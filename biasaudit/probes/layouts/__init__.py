"""How the data of a probe are written: layouts of our own, and those of external sets."""
