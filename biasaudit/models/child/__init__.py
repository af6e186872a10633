"""A program of its own that computes log-probabilities: started, spoken with over a socket, and ended."""
