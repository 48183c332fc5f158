"""Faces out to Label Studio, corrected faces back."""
