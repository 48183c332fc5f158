"""Drawn faces, panels and strips with exact truth: what tests, examples and training draw from."""
