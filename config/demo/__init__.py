"""A small city to look at: who is in it, and what happens on its streets."""
