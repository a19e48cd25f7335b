"""What all rooms use: arrays, checks, errors, interrupts, extras, memory, tensor files and pictures."""
