"""One HTML page per model, to see what every unit has learned."""
