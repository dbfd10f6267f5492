"""Number: binds the next 文号 of the series, or the one that the case system brought, to the document."""

from __future__ import annotations

import sqlalchemy as sa

from delivery.beijing import day_of
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next
from records import documents, series
from records.database import legal_time
from records.errors import Permanent, Retry
from records.steps import Claim


def number(songda: Songda, claim: Claim) -> Conclusion:  # noqa: ARG001 - a stage's signature
    """Nothing is worked out beforehand: a number is counted up only inside the finishing transaction."""

    def write(connection: sa.Connection) -> Done:
        document = documents.get(connection, claim.subject_id)
        of = (document["authority_id"], document["series_kind"], day_of(legal_time(connection)).year)
        try:
            if document["supplied_number"]:
                bound = series.bind_supplied(connection, *of, document["supplied_number"], document["id"])
            else:
                bound = series.bind_next(connection, *of, document["id"])
        except series.UnknownSeries as error:  # the year has turned: wait until somebody opens the new series
            raise Retry(str(error), after_seconds=60) from error
        except series.NumberTaken as error:
            raise Permanent(str(error)) from error
        documents.move(
            connection,
            document["id"],
            "numbered",
            body={"number_zh": bound.text_zh, "number_en": bound.text_en},
            number_zh=bound.text_zh,
            number_en=bound.text_en,
        )
        return Done((Next("document", document["id"], "render"),))

    return Conclusion(write)
