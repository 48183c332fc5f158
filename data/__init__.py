"""What a frame, a face and a dataset are, and how they are kept."""
