"""Picture in, faces out."""
