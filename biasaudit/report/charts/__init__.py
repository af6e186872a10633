"""Charts, as Altair objects and as elements of the page."""
