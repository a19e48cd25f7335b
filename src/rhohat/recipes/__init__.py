"""What goes with which data: settings, filled in, and the pipeline that they make."""
