"""The name under which `evaluation.generator` imports `native_silence`."""

from kgan_cli.silence import native_silence as quiet_start

__all__ = ["quiet_start"]
