"""Perturbed probes: what was asked of them, what each shows, and whether a reduction survives all of them."""
