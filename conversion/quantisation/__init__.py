"""Quantisation: the variants of each target, the photos that calibrate them, and the float16 audit."""
