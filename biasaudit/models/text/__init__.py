"""Texts as tokens: tokenizers, chat templates, and what is scored."""
