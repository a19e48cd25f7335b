"""Words that all rooms use: types of arrays, checks, errors, interrupts, tensor files and pictures."""
