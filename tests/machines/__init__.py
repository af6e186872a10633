"""What many workers do to an audit: measured, and survived."""
