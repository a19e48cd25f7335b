"""Rows, wherever they lie, and sums over them in a fixed order."""
