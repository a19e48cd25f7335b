"""scikit-learn's face of all this, and model files."""
