"""What `kgan.GAN` and its variants are made of; nothing else imports it."""
