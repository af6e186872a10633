"""What the first screen is made of: the answer, how sure it is, what was compared, and what would make it void."""
