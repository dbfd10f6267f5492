"""What the processes of the system write to their logs: one line for each record, with a UTC time stamp."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Final

_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


class LogLines(logging.Formatter):
    """`2026-11-22T02:00:00.123Z WARNING pipeline.runner: …`: time in UTC, level, module, message.

    Control characters of a message are written out, so that what a foreign server answered cannot begin a line of its
    own. The trace of an exception follows on lines without a time stamp.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, without its line breaks."""
        return super().formatMessage(record).translate(_CONTROLS)


def configure() -> None:
    """Write log records to standard error, from the level that SONGDA_LOG names (default: WARNING) on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines())
    for client in ("httpx2", "httpcore2"):  # they would write addresses, and those of an SMS gateway hold numbers
        logging.getLogger(client).setLevel(logging.WARNING)
    logging.basicConfig(level=os.environ.get("SONGDA_LOG", "WARNING"), handlers=[handler])
