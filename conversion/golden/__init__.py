"""The vectors that hold every app to the arithmetic of this project."""
