"""Models that are one checkpoint below a part and another one from there on."""
