"""What tries every door of ours by chance: hostile input, and the interfaces by their document."""
