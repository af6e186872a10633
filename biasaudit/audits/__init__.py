"""Audits: what is asked, of whom, and the run itself.

Named in the plural so that the function `biasaudit.audit` keeps its name to itself.
"""
