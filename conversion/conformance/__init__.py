"""ONNX's own node tests, run through both emitters: what passes, what is refused and why, and what is wrong."""
