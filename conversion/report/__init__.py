"""What a run is worth, on one page, as JSON and as a model card."""
