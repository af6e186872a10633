"""Models behind a server: asked over HTTP for log-probabilities, and believed no further than it was checked."""
