"""Runs ONNX's own node tests through both emitters, and reports which pass, which are refused, and which are wrong."""
