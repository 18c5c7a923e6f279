"""The exporter: a generator as SavedModel, TFLite and ONNX, each compared with the Keras model."""
