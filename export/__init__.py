"""The exporter: a trained generator as SavedModel and TFLite, and proof that they are the same."""
