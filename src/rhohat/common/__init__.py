"""Words that all rooms use: types of arrays, checks, errors, tables, tensor files and pictures."""
