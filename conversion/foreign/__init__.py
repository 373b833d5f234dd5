"""Converts ONNX networks that were not trained here: wraps them so that they keep the contract."""
