"""The programs `kgan-train` and `kgan-evaluate`, installed as `kgan_train`."""
