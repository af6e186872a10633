"""The prefix tree of one checkpoint's requests cut into pieces that several workers score; pure functions."""
