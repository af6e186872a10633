"""Audits: plan, run, store, manifest, compare.

Named in the plural so that the function `biasaudit.audit` keeps its name to itself.
"""
