"""The child process that prints HTML with WeasyPrint: `python -m templates.typesetters.weasyprint_child`.

A job is JSON `{"html", "style"}`, a complete page and its style sheet; the answer is the PDF. Only the pinned fonts are
seen, nothing is fetched: a page holds all that it needs. The output claims PDF/A-2a and PDF/UA-1.
"""

from __future__ import annotations

import json
import logging
import zlib
from functools import lru_cache
from typing import Any, Final

import pydyf
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from templates import fonts
from templates.serving import serve
from templates.stock import present_stock
from templates.typesetters import justify

# Latin, Greek and Cyrillic letters among Chinese come from the Latin face; quotation marks stay Chinese, full width.
_LATIN: Final = "U+20-7E, U+A5, U+C0-D6, U+D8-F6, U+F8-24F, U+370-52F, U+1E00-1FFF"

# PDF/UA in a PDF/A: the schema of its identifier must be described in the same rdf:RDF, where readers look.
_UA: Final = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""


class _FontsOnly(URLFetcher):  # type: ignore[misc]
    """Gives the pinned Latin face to our own style sheet, and nothing to anybody."""

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:  # noqa: ARG002  (the base's signature)
        if url != _latin_url():
            raise FatalURLFetchingError(f"nothing is fetched from outside the page: {url[:200]}")
        return URLFetcherResponse(url, fonts.font_path("latin").read_bytes(), {"Content-Type": "font/ttf"})


def _latin_url() -> str:
    return fonts.font_path("latin").as_uri()


@lru_cache(maxsize=4)
def _styles(style: str) -> tuple[list[CSS], FontConfiguration]:
    """Read once per process: style sheets and the font set cost more than a page."""
    configuration = FontConfiguration()
    face = f'@font-face {{ font-family: "Songda Latin"; src: url({_latin_url()}); unicode-range: {_LATIN} }}\n'
    return [CSS(string=face + style, font_config=configuration, url_fetcher=_FontsOnly())], configuration


def print_page(job: bytes) -> bytes:
    """The PDF of one job. Raises ValueError when the page asks for something from outside."""
    asked = json.loads(job)
    styles, configuration = _styles(asked["style"])
    try:
        page = HTML(string=asked["html"], url_fetcher=_FontsOnly())
        pdf = page.write_pdf(
            stylesheets=styles,
            font_config=configuration,
            presentational_hints=True,  # widths of columns are attributes
            pdf_variant="pdf/a-2a",
            finisher=_finish,
        )
    except FatalURLFetchingError as error:  # a BaseException, so that WeasyPrint itself doesn't go on
        raise ValueError(str(error)) from None
    return bytes(pdf)


def _finish(_document: object, pdf: Any) -> None:
    """Add the PDF/UA identifier; deflate each stream once, where pydyf would do it at every look at it."""
    _mark_artifacts(pdf)
    metadata = pdf.objects[int(pdf.catalog["Metadata"].split()[0])]
    whole = b"\n".join(_bytes(part) for part in metadata.stream)
    metadata.stream = [whole.replace(b"</rdf:RDF>", _UA + b"</rdf:RDF>", 1)]
    for stream in pdf.objects:
        if isinstance(stream, pydyf.Stream) and stream.compress:
            stream.stream = [zlib.compress(b"\n".join(_bytes(part) for part in stream.stream), 9)]
            stream.extra["Filter"] = "/FlateDecode"
            stream.compress = False


def _mark_artifacts(pdf: Any) -> None:
    """Make artifacts of page numbers and running feet (ISO 14289-1, 7.8).

    WeasyPrint marks them as content, gives them structure elements, and leaves those out of the tree.
    """

    def at(reference: Any) -> Any:
        return pdf.objects[int(reference.split()[0])]

    root = at(pdf.catalog["StructTreeRoot"])
    reached: set[Any] = set()
    waiting = list(root["K"])
    while waiting:
        reference = waiting.pop()
        if isinstance(reference, bytes) and reference not in reached:
            reached.add(reference)
            waiting += at(reference).get("K", [])
    parents_of_pages = at(root["ParentTree"])["Nums"]
    for number, page in enumerate(pdf.page_references):
        parents = parents_of_pages[2 * number + 1]
        stream = at(at(page)["Contents"]).stream
        for place, part in enumerate(stream):
            if isinstance(part, pydyf.Dictionary) and "MCID" in part and parents[part["MCID"]] not in reached:
                parents[part["MCID"]] = b"null"
                stream[place - 1] = "/Artifact"
                stream[place] = pydyf.Dictionary({"Type": "/Pagination"})


def _bytes(part: object) -> bytes:
    return pydyf._to_bytes(part)  # type: ignore[no-any-return]


class _Refuse(logging.Handler):
    """What WeasyPrint only logs, an unknown property or a resource that is not there, is an error of the page."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ValueError(f"WeasyPrint: {record.getMessage()}")


def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("weasyprint").handlers = [_Refuse(logging.WARNING)]
    justify.install()
    _styles(present_stock().style)
    serve(print_page)


if __name__ == "__main__":
    main()
