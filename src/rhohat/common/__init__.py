"""What all rooms use: arrays, checks, errors, interrupts, extras, memory, files and pictures."""
