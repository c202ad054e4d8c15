"""A small city whose every state is held against the laws (docs/simulation.md)."""
