"""The exporter: a generator as SavedModel, TFLite and ONNX, and proof that they are the same."""
