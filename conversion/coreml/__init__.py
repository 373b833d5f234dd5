"""The typed graph as a Core ML package, and a way to run one anywhere."""
