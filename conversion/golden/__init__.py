"""Golden vectors, with which every app proves that its arithmetic is that of this project."""
