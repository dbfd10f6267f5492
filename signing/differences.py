"""What was added to a file after a signature: asked of our own comparison first, then of pyHanko's difference analysis.

Ours (`revisions`, by qpdf) knows one thing only: that nothing but proof and time stamps was added, or electronic seals
and counter-signatures in the fields that were kept for them. That is the usual case, it is narrower than what pyHanko
lets pass, and it is told in a tenth of the time. In all other cases pyHanko says what the change is, and whether the
signer allowed it. A test holds the two against each other.
"""

from __future__ import annotations

from functools import cached_property

from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    DiffPolicy,
    DiffResult,
    ModificationLevel,
    SuspiciousModification,
)
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm

from signing.revisions import keeps_field, later_changes, only_proof_follows


class Differences(DiffPolicy):
    """What stands in `pdf` behind the first `signed` bytes, for one signature that covers these."""

    def __init__(self, pdf: bytes, signed: int) -> None:
        self._pdf, self._signed = pdf, signed

    @property
    def only_proof(self) -> bool:
        """Whether nothing was added but proof in the security store and document time stamps."""
        return self._signed >= len(self._pdf) or only_proof_follows(self._pdf, self._signed)

    @cached_property
    def _kept(self) -> bool:
        return keeps_field(self._pdf[: self._signed])

    @property
    def only_kept(self) -> bool:
        """Whether fields were kept for signatures, and nothing was added but proof and what they were kept for."""
        return self._kept and not later_changes(self._pdf, self._signed)

    @property
    def more_than_kept(self) -> bool:
        """Whether fields were kept for signatures, and something else was added."""
        return self._kept and bool(later_changes(self._pdf, self._signed))

    def review_file(
        self,
        reader: PdfFileReader,
        base_revision: int | HistoricalResolver,
        field_mdp_spec: FieldMDPSpec | None = None,
        doc_mdp: MDPPerm | None = None,
    ) -> DiffResult | SuspiciousModification:
        """As pyHanko asks; such proof is allowed at every DocMDP level (ISO 32000-2 12.8.2.2.2)."""
        if base_revision == reader.xrefs.total_revisions - 1:
            return DEFAULT_DIFF_POLICY.review_file(reader, base_revision, field_mdp_spec, doc_mdp)
        if self.only_proof:
            return DiffResult(ModificationLevel.LTA_UPDATES, set())
        if doc_mdp is MDPPerm.FILL_FORMS and self.only_kept:
            return DiffResult(ModificationLevel.FORM_FILLING, set())
        return DEFAULT_DIFF_POLICY.review_file(reader, base_revision, field_mdp_spec, doc_mdp)
