"""From responses to every table that follows from them: one file a table, and what they share."""
