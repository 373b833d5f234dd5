"""From a student or an ONNX file of any opset to the typed graph, whose operators are in canonical form."""
