"""The training program, installed as `kgan_train`."""
