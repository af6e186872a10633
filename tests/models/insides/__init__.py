"""Tests of what is read inside a model."""
