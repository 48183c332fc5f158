"""From a condition to a picture."""
