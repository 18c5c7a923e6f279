"""What a library logs about itself is left out, and nothing else."""

import contextlib
import logging

from kgan.utils.unheard import unheard


def test_matching_messages_of_one_logger_are_left_out(caplog):
    with caplog.at_level("WARNING"):
        with contextlib.suppress(KeyError), unheard("library", r"its own \w+"):
            logging.getLogger("library").warning("uses its own %s", "function")
            logging.getLogger("library").warning("another one")
            logging.getLogger("other").warning("uses its own function")
            raise KeyError  # the filter is gone in any case
        logging.getLogger("library").warning("uses its own name")
    assert [record.getMessage() for record in caplog.records] == [
        "another one",
        "uses its own function",
        "uses its own name",
    ]
