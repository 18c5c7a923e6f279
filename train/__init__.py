"""The programs `kgan-train`, `kgan-evaluate` and `kgan-sample`, installed as `kgan_train`."""
