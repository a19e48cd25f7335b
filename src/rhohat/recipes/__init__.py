"""Which settings go with which data, and the pipelines that they make."""
