"""A local page to try a run's artefacts: one photo in, the masks of all artefacts side by side."""
