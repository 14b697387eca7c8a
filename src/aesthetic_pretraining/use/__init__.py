"""Trained networks in use: bundles of them, scores of photos with their explanation, pages to look at, in Python and in a browser."""
