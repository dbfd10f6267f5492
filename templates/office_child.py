"""The child that drives LibreOffice: a DOCX comes in, a PDF/A-2b goes out.

Runs under Debian's own Python with `python3-uno`; inside another build of Python the bridge was seen to crash.
`python3 office_child.py FOLDER`: the folder is this process's own, for profiles and files; older profiles in it are
deleted. Macros never run, links are never followed, fonts are those that FONTCONFIG_FILE shows.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.uno import Exception as UnoError
from serving import Again, serve

START_SECONDS = 40
NEW_PROFILE_EXIT = 81
"""soffice ends once with this code after it has set up a fresh profile, and wants to be started again."""

# ISO 19005-2 level B (2), tagged; no picture is made coarser; no bookmark pane; bookmarks say where they came to stand.
EXPORT = {
    "SelectPdfVersion": 2,
    "UseTaggedPDF": True,
    "ReduceImageResolution": False,
    "UseLosslessCompression": True,
    "ExportFormFields": False,
    "InitialView": 0,
    "ExportBookmarksToPDFDestination": True,
    "DisplayPDFDocumentTitle": True,
}


class Office:
    """One running LibreOffice with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._profile = folder / "profile"
        self._pipe = f"songda-{os.getpid()}-{int(time.monotonic() * 1000)}"
        self._process = self._launch()
        self._desktop = self._connect()

    def _launch(self) -> subprocess.Popen:
        program = Path(os.path.realpath(shutil.which("soffice") or "soffice")).with_name("soffice.bin")
        return subprocess.Popen(
            [
                str(program),
                "--headless",
                "--invisible",
                "--norestore",
                "--nologo",
                "--nodefault",
                "--nofirststartwizard",
                f"--accept=pipe,name={self._pipe};urp;StarOffice.ComponentContext",
                f"-env:UserInstallation={self._profile.as_uri()}",
            ],
            env={**os.environ, "HOME": str(self._folder), "SAL_USE_VCLPLUGIN": "svp"},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )

    def _connect(self) -> object:
        context = uno.getComponentContext()
        resolver = context.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", context)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() == NEW_PROFILE_EXIT:
                self._process = self._launch()
            elif self._process.returncode is not None:
                raise SystemExit(f"soffice ended with exit {self._process.returncode}")
            with contextlib.suppress(UnoError):
                remote = resolver.resolve(f"uno:pipe,name={self._pipe};urp;StarOffice.ComponentContext")
                return remote.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", remote)
            time.sleep(0.05)
        raise SystemExit(f"soffice was not ready after {START_SECONDS} s")

    def stop(self) -> None:
        """Kill LibreOffice."""
        self._process.kill()
        self._process.wait()

    def convert(self, document: bytes) -> bytes:
        """The PDF of one DOCX. Raises Again when LibreOffice is gone, ValueError when it cannot read the document."""
        source, target = self._folder / "job.docx", self._folder / "job.pdf"
        source.write_bytes(document)
        target.unlink(missing_ok=True)
        try:
            self._print(source, target)
        except UnoError as error:
            if self._process.poll() is not None:
                raise Again(f"soffice ended with exit {self._process.returncode}") from error
            raise ValueError(f"{type(error).__name__}: {error}") from error
        finally:
            source.unlink(missing_ok=True)
        pdf = target.read_bytes()
        target.unlink()
        return pdf

    def _print(self, source: Path, target: Path) -> None:
        loading = _properties(
            {
                "Hidden": True,
                "ReadOnly": True,
                "FilterName": "MS Word 2007 XML",
                "MacroExecutionMode": 0,  # never
                "UpdateDocMode": 0,  # no link is updated
            }
        )
        document = self._desktop.loadComponentFromURL(source.as_uri(), "_blank", 0, loading)
        if document is None:
            raise ValueError("not a Word document that LibreOffice can read")
        try:
            options = uno.Any("[]com.sun.star.beans.PropertyValue", _properties(EXPORT))
            storing = _properties({"FilterName": "writer_pdf_Export", "FilterData": options})
            document.storeToURL(target.as_uri(), storing)
        finally:
            document.close(True)


def _properties(values: dict) -> tuple:
    return tuple(PropertyValue(name, 0, value, 0) for name, value in values.items())


def main() -> None:
    """Clear what an earlier, killed child left, start LibreOffice, and answer jobs."""
    base = Path(sys.argv[1])
    for earlier in base.iterdir():
        shutil.rmtree(earlier, ignore_errors=True)
    office = Office(Path(tempfile.mkdtemp(dir=base)))

    def cleanup() -> None:
        office.stop()
        shutil.rmtree(base, ignore_errors=True)

    serve(office.convert, cleanup)


if __name__ == "__main__":
    main()
