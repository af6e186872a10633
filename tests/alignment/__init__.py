"""What docs/alignment.md says, as measured."""
