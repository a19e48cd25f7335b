"""From a function and its gradient to a minimum, by runs that can be resumed."""
