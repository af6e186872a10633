"""The record of an audit: its tables' schemas, its manifest, and the only reader and writer of its folder."""
