"""The mathematics of the framework as code: NumPy and SciPy in float64, no TensorFlow."""
