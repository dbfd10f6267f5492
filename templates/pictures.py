"""Pages as pictures, to be looked at before a template is used."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records.errors import Permanent
from templates.catalogue import Instrument
from templates.printing import Imprint, Printed, composed, sheet
from templates.typesetters import typst


def pictures(
    instrument: Instrument,
    facts: Mapping[str, Any],
    imprint: Imprint,
    printed: Printed,
    engine: str = "",
    dots_per_inch: int = 96,
) -> list[bytes]:
    """Every page of what `print_document` printed, as PNG files.

    typst draws its own pages; for those of the other engines Poppler's pdftoppm is needed. Raises Permanent when it is
    not installed or cannot read the file.
    """
    if (engine or instrument.print.engine) == "typst":
        blocks = composed(instrument, facts, imprint)
        return typst.pictures(blocks, sheet(instrument, facts, imprint), instrument.stock.page, dots_per_inch)
    return _by_poppler(printed.pdf, dots_per_inch)


def _by_poppler(pdf: bytes, dots_per_inch: int) -> list[bytes]:
    program = shutil.which("pdftoppm")
    if program is None:
        raise Permanent("pictures of pages that typst has not set are drawn by pdftoppm (poppler-utils)")
    with tempfile.TemporaryDirectory(prefix="songda-") as folder:
        command = [program, "-png", "-r", str(dots_per_inch), "-", f"{folder}/page"]
        done = subprocess.run(command, input=pdf, capture_output=True, check=False, timeout=120)
        if done.returncode != 0:
            raise Permanent(f"pdftoppm: {done.stderr.decode(errors='replace')[:300]}")
        return [path.read_bytes() for path in sorted(Path(folder).glob("page*.png"))]
