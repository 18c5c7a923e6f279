"""The exporter: a trained generator as SavedModel, TFLite and ONNX, and proof that it is the same."""
