"""Users' files: found, looked at and read."""
