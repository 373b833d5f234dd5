"""The report of a run: as one page, as JSON and as a model card."""
