"""The command-line harness of kgan's programs. It imports neither TensorFlow nor kgan.

`--help` answers before TensorFlow is imported, so nothing here may import it.
"""
