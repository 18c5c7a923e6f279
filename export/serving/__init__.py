"""A server for trying an exported generator out: TensorFlow Serving's REST API, and a picture."""
