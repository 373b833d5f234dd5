"""How good a student is: metrics on held-out masks with confidence intervals, robustness, and its worst photos."""
