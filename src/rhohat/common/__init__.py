"""What all rooms use: arrays, checks, errors, interrupts, extras, tensor files and pictures."""
