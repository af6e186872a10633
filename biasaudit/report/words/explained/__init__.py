"""Sentences of an explanation."""
