"""What `beyond.py` measures, a module for each topic.

FIGURES names what `run` returns, {name: value}; a value is a text where the figure cannot be had here: why.
"""
