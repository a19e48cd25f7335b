"""Arrays in, loss and gradient out."""
