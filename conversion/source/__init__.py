"""From a network to the typed graph that both emitters read: ONNX of any opset, in one spelling."""
