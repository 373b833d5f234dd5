"""The commands of `python -m training`, a module for each section of its help. They parse, call and print."""
