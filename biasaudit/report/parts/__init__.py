"""The parts of a probe's section: what it asks, what changed, for whom, and how far that can be trusted."""
