"""Bringing the pinned font files from Debian's packages into the font folder, without installing the packages."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fontTools.ttLib import TTFont

from records.errors import Permanent
from templates.fonts import (
    FONTS,
    STAMP,
    Font,
    file_digest,
    file_state,
    font_directory,
    is_installed,
    list_digest,
    verify,
    write_fontconfig,
)

Say = Callable[[str], None]


def install(directory: Path, say: Say = lambda _line: None) -> None:
    """Put every pinned font into `directory` and check its digest; nothing to do when they stand there already.

    A file that the machine has already (its package is installed) is copied if its digest is the pinned one; else the
    package is fetched with `apt-get download` and only the wanted files are taken out. Raises Permanent, saying what a
    person has to do, when a file cannot be had as pinned.
    """
    if is_installed(directory):
        write_fontconfig(directory)  # the code that writes it may be newer than the fonts
        say(f"fonts: {len(FONTS)} pinned fonts stand in {directory}")
        return
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [font for font in FONTS if file_digest(directory / font.file) != font.sha256]
    for font in list(wanted):
        present = Path("/") / font.path
        if file_digest(present) == font.digest_in_package:
            _place(directory, font, present.read_bytes())
            wanted.remove(font)
    for package in dict.fromkeys(font.package for font in wanted):
        say(f"fonts: fetching Debian's {package}")
        _install_from_package(directory, package, [font for font in wanted if font.package == package])
    write_fontconfig(directory)
    _write_stamp(directory)
    say(f"fonts: {len(FONTS)} pinned fonts installed in {directory}")


def _install_from_package(directory: Path, package: str, fonts: list[Font]) -> None:
    with tempfile.TemporaryDirectory(prefix="songda-fonts-") as temporary:
        archive = _download(package, Path(temporary))
        found = dict(_members(archive, {font.path for font in fonts}))
    for font in fonts:
        if font.path not in found:
            raise Permanent(_advice(font, f"the package {archive.name} has no {font.path}"))
        _place(directory, font, found[font.path])


def _download(package: str, folder: Path) -> Path:
    folder.chmod(0o755)  # apt's own user writes here when we are root
    try:
        done = subprocess.run(["apt-get", "download", package], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Permanent(_advice(_first_of(package), "there is no apt-get on this machine")) from error
    archives = list(folder.glob("*.deb"))
    if done.returncode or len(archives) != 1:
        reason = (done.stderr.strip().splitlines() or ["nothing was downloaded"])[-1]
        raise Permanent(_advice(_first_of(package), f"apt-get download {package}: {reason} (try apt-get update first)"))
    return archives[0]


def _members(archive: Path, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The named files of a Debian package, in one pass over its stream."""
    wanted = set(paths)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101  (asked for above)
        with tarfile.open(fileobj=process.stdout, mode="r|") as stream:
            for member in stream:
                name = member.name.removeprefix("./")
                content = stream.extractfile(member) if name in wanted else None
                if content is not None:
                    yield name, content.read()
    if process.returncode:
        raise Permanent(f"dpkg-deb could not read {archive.name} (exit {process.returncode})")


def _place(directory: Path, font: Font, content: bytes) -> None:
    """Change the file as the list says, check its digest, and set it in place in one step."""
    made = without_characters(content, font.remove) if font.remove else content
    temporary = directory / f".{font.file}.{os.getpid()}"
    temporary.write_bytes(made)
    if file_digest(temporary) != font.sha256:
        temporary.unlink()
        raise Permanent(_advice(font, f"{font.file} of the served package is not the pinned file"))
    temporary.replace(directory / font.file)


def without_characters(content: bytes, code_points: Iterable[int]) -> bytes:
    """The same font without these code points in its character map; outlines and glyph numbers stay as they are."""
    removed = list(code_points)
    result = io.BytesIO()
    with TTFont(io.BytesIO(content), lazy=True, recalcTimestamp=False, recalcBBoxes=False) as opened:
        for table in opened["cmap"].tables:
            if table.isUnicode():
                for code in removed:
                    table.cmap.pop(code, None)
        opened.save(result)
    return result.getvalue()


def _write_stamp(directory: Path) -> None:
    codes: set[int] = set()
    for font in FONTS:
        face = {"fontNumber": font.face} if font.file.endswith(".ttc") else {}
        with TTFont(directory / font.file, lazy=True, **face) as opened:
            codes |= set(opened.getBestCmap())
    stamp = {
        "list": list_digest(),
        "files": {font.file: file_state(directory / font.file) for font in FONTS},
        "coverage": _ranges(sorted(codes)),
    }
    temporary = directory / f".{STAMP}.{os.getpid()}"
    temporary.write_text(json.dumps(stamp), encoding="utf-8")
    temporary.replace(directory / STAMP)


def _ranges(codes: list[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def _first_of(package: str) -> Font:
    return next(font for font in FONTS if font.package == package)


def _advice(font: Font, problem: str) -> str:
    return (
        f"{problem}. Get {font.package} {font.version} (https://snapshot.debian.org has every version), take "
        f"{font.path} out of it (SHA-256 {font.digest_in_package}), set it at /{font.path}, and run this again."
    )


def main(arguments: list[str]) -> int:
    """`install [DIR]`: bring the fonts; `verify [DIR]`: read them all again. Returns the exit code."""
    if not arguments or arguments[0] not in ("install", "verify") or len(arguments) > 2:
        sys.stderr.write("usage: python -m templates.font_install install|verify [DIR]\n")
        return 2
    directory = Path(arguments[1]).resolve() if len(arguments) == 2 else font_directory()
    if arguments[0] == "install":
        try:
            install(directory, lambda line: print(line, flush=True))  # noqa: T201
        except Permanent as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return 0
    wrong = verify(directory)
    sys.stdout.write("".join(f"not as pinned: {name}\n" for name in wrong) or f"{len(FONTS)} fonts as pinned\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
