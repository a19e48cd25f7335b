"""What units look for, and what they do on data."""
