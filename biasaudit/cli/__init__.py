"""The shell: parse, call, print. One file per verb."""
