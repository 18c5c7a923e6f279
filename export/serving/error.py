"""Errors that a client sees."""

from __future__ import annotations

BUSY = "Too many requests at a time; try again."
STOPPING = "The server is stopping."


class HttpError(Exception):
    """A request that is refused. The answer is `{"error": sentence}`, as TensorFlow Serving's.

    Attributes:
        status: the HTTP status, from 400 to 599.
        sentence: what is wrong, and what is expected.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers


def shortened(value: object, length: int = 80) -> str:
    """Return the beginning of what a client sent, which may be megabytes long."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= length else f"{text[:length]}..."
