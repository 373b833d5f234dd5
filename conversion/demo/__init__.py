"""A page on this machine to try a run's artefacts on: one photo, every artefact's mask side by side."""
