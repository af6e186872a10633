"""The same weights by two engines: how far apart their log-probabilities are."""
