"""Until when sealed files are provable, and their renewals; electronic seals that go with seals; several seals"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant, to_microseconds
from records.rebuilding import rebuild

revision = "0012"
down_revision = "0011"

_SUBJECTS = "subject_type in ('document', 'delivery', 'notice', 'compromise', 'archive')"


def upgrade() -> None:
    """Apply."""
    _make_tables()
    _let_archives_have_steps()
    _take_up_documents()
    _take_up_volumes()
    _make_electronic_seals()
    _let_a_document_have_several_seals()


def _make_tables() -> None:
    op.create_table(
        "archive",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("released_digest", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("provable_until", Instant(), nullable=False),
        sa.Column("renew_at", Instant(), nullable=True),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_archive_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
    )
    op.create_index("ix_archive_renew_at", "archive", ["renew_at"])
    op.create_index("ix_archive_provable_until", "archive", ["provable_until"])
    op.create_table(
        "renewal",
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("previous_digest", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("timestamp_authority", sa.Text(), nullable=False),
        sa.Column("stamped_at", Instant(), nullable=False),
        sa.Column("provable_until", Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("renewed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name=op.f("fk_renewal_archive_id")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_renewal_authority_id")),
        sa.ForeignKeyConstraint(["digest"], ["artifact.digest"], name=op.f("fk_renewal_digest")),
        sa.PrimaryKeyConstraint("archive_id", "ordinal", name=op.f("pk_renewal")),
    )
    refuse_changes("renewal")


def _let_archives_have_steps() -> None:
    if op.get_bind().dialect.name == "sqlite":
        rebuild("step", lambda made: re.sub(r"subject_type in \(.*?\)", _SUBJECTS, made))
        return
    op.drop_constraint(op.f("ck_step_subject_type"), "step", type_="check")
    op.create_check_constraint(op.f("ck_step_subject_type"), "step", _SUBJECTS)


_ROW = (
    "insert into archive (id, authority_id, stream, released_digest, digest, provable_until, renew_at, renewals)"
    " values (:id, :authority, :stream, :digest, :digest, :until, :at, 0)"
)


def _take_up_documents() -> None:
    """What stands in the event of a release says until when the file is provable. What does not say is due at once."""
    connection = op.get_bind()
    released = connection.execute(
        sa.text(
            "select d.id, d.authority_id, d.final_digest, d.released_at, e.body from document d"
            " join event e on e.stream = d.id and e.kind = 'document.released'"
            " where d.sealed and d.released_at is not null"
        )
    ).all()
    for row in released:
        until = json.loads(row.body).get("verdict", {}).get("provable_until")
        end = to_microseconds(datetime.fromisoformat(until).astimezone(UTC)) if until else row.released_at
        due = row.released_at + (end - row.released_at) * 2 // 3
        values = {"id": row.id, "stream": row.id, "digest": row.final_digest, "until": end, "at": due}
        connection.execute(sa.text(_ROW), values | {"authority": row.authority_id})


def _take_up_volumes() -> None:
    """Nothing says until when a volume is provable: its first renewal finds it out."""
    connection = op.get_bind()
    for row in connection.execute(sa.text("select id, authority_id, case_no, digest, made_at from volume")).all():
        values = {"id": row.id, "stream": f"case:{row.authority_id}:{row.case_no}", "digest": row.digest}
        values |= {"authority": row.authority_id, "until": row.made_at, "at": row.made_at}
        connection.execute(sa.text(_ROW), values)


def _make_electronic_seals() -> None:
    op.create_table(
        "electronic_seal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("seal_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("key_uri", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("valid_from", Instant(), nullable=False),
        sa.Column("valid_to", Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint("state in ('active', 'off')", name=op.f("ck_electronic_seal_state")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_electronic_seal_authority_id")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_electronic_seal_seal_id")),
        sa.ForeignKeyConstraint(["digest"], ["artifact.digest"], name=op.f("fk_electronic_seal_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_electronic_seal")),
    )
    active = sa.text("state = 'active'")
    op.create_index(
        "ix_electronic_seal_active",
        "electronic_seal",
        ["seal_id"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    for name in ("electronic_seal_id", "electronic_seal_digest"):
        op.add_column("seal_use", sa.Column(name, sa.Text(), nullable=True))


def _let_a_document_have_several_seals() -> None:
    if op.get_bind().dialect.name == "sqlite":
        rebuild(
            "seal_use", lambda made: made.replace("PRIMARY KEY (document_id)", "PRIMARY KEY (document_id, seal_id)")
        )
        refuse_changes("seal_use")  # its triggers went with the table that stood
        return
    op.drop_constraint(op.f("pk_seal_use"), "seal_use", type_="primary")
    op.create_primary_key(op.f("pk_seal_use"), "seal_use", ["document_id", "seal_id"])
