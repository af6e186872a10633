"""Audits: plan, run, store, manifest, compare."""
