"""From a student checkpoint, or anyone's ONNX file, to verified artefacts."""
