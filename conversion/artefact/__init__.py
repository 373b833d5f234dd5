"""What one file is and says: kinds of artefact, the manifest, metadata inside a file, its contents."""
