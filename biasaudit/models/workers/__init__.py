"""Several workers score one checkpoint: who is given what, what comes back, and what happens when one dies."""
