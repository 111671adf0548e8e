"""What needs what."""
