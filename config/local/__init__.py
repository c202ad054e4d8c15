"""What runs Bowei on one machine without anything installed: servers from wheels, supervised."""
