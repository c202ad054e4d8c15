"""What a person at a browser does: the story and the demo street act through it."""
