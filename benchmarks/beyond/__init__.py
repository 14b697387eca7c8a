"""What `beyond.py` measures, a module for each topic: `run` returns {name: value}, and says on stderr why it could not."""
