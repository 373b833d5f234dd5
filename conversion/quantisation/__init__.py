"""Fewer bits: what can be written, what it is calibrated on, and what float16 would harm."""
