"""What is done to data before units see them."""
