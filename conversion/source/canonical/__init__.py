"""From ONNX of any opset to one spelling of each operator, which both emitters read."""
