"""Values in words, one way for every section and form."""
