"""How a loaded model scores: requests as a prefix tree, packs of it, and the plain way."""
