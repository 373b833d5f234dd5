"""From photos to a student checkpoint."""
