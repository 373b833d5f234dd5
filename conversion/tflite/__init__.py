"""The typed graph as a TFLite flatbuffer."""
