"""Fewer bits: what can be written, what it is measured on, and the smallest that holds a budget."""
