"""The canonicaliser: brings each ONNX operator, of any opset, into the one form that both emitters read."""
