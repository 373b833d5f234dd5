"""The commands of `python -m conversion`, a module for each section of its help. They parse, call and print."""
