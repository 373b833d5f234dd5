"""The gate: every file run on the same photos, its drift measured, judged, and located at an operator."""
