"""The system, the authorities, and who may use it."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import counterparty_key, instant, one_of, table, text

system = table(
    "system",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("test", sa.Boolean, nullable=False),  # decided at creation, for good
    sa.Column("legal_offset", sa.BigInteger, nullable=False),  # microseconds; 0 unless test
    instant("created_at"),
)

authority = table("authority", text("id", primary_key=True), instant("created_at"))

#: The authority's own facts (names, bank, remedies). A revision counts from its approval by a second person on.
authority_revision = table(
    "authority_revision",
    text("authority_id", sa.ForeignKey("authority.id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("facts", sa.JSON, nullable=False),
    text("proposed_by"),
    instant("proposed_at"),
    text("approved_by", null=True),
    instant("approved_at", null=True),
)

client = table(
    "client", text("id", primary_key=True), text("authority_id", sa.ForeignKey("authority.id")), text("name")
)

api_key = table(
    "api_key",
    text("prefix", primary_key=True),  # the visible part
    text("hash"),
    text("client_id", sa.ForeignKey("client.id")),
    sa.Column("scopes", sa.JSON, nullable=False),
    instant("created_at"),
    instant("revoked_at", null=True),
)

#: Somebody who works for the authority.
person = table(
    "person",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("login", unique=True),
    text("name"),
    text("password_hash"),
    sa.Column("active", sa.Boolean, nullable=False),
    instant("created_at"),
    # others know the password: the desk opens once the person has chosen another
    sa.Column("first_password", sa.Boolean, nullable=False, server_default=sa.false()),
)

#: The offices in which people may act; what each may do stands in delivery/rights.toml.
ROLES = ("administrator", "legal", "inspector", "leader", "finance")

#: A role that a person has or had.
person_role = table(
    "person_role",
    text("person_id", sa.ForeignKey("person.id"), primary_key=True),
    text("role", primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False),  # given for the nth time
    text("given_by"),
    instant("given_at"),
    text("ended_by", null=True),
    instant("ended_at", null=True),
    one_of("role", *ROLES),
    sa.Index(
        "ix_person_role_held",
        "person_id",
        "role",
        unique=True,
        sqlite_where=sa.text("ended_at is null"),
        postgresql_where=sa.text("ended_at is null"),
    ),
)

counterparty = table(
    "counterparty",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id"), primary_key=True),
    text("kind"),
    text("name_zh"),
    text("name_en"),
    text("credit_code", null=True),
    text("address_zh"),
    text("address_en"),
    text("office", null=True),  # the responsible one (delivery/offices.toml); null: not known
    instant("created_at"),
    one_of("kind", "legal_person", "other_organisation", "foreign_entity", "natural_person", "outside_body"),
    sa.UniqueConstraint("authority_id", "credit_code"),
)

contact = table(
    "contact",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("name"),
    text("department"),
    text("mobile", null=True),
    text("email", null=True),
    sa.Column("active", sa.Boolean, nullable=False),
    # told of what comes, but not in effect yet: see `change`
    sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("silent", sa.JSON, nullable=True),  # notices that the contact does not want, as `<occasion>/<channel>`
    counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
)

#: What a counterparty changed of its own entries, or asked for.
change = table(
    "change",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("kind"),
    text("subject_id"),
    text("state"),
    sa.Column("before", sa.JSON, nullable=True),
    sa.Column("after", sa.JSON, nullable=True),
    text("asked_by"),
    instant("asked_at"),
    instant("effective_at", null=True),  # by the legal clock
    text("decided_by", null=True),
    instant("decided_at", null=True),
    text("reason", null=True),
    sa.Column("flagged", sa.Boolean, nullable=False),  # a clerk is to look at it, though it is in effect
    one_of(
        "kind",
        "entity",
        "account_asked",
        "account_stopped",
        "contact_added",
        "contact_changed",
        "contact_ended",
        "contact_wishes",
        "letter_withdrawn",
        "access",
    ),
    one_of("state", "delayed", "to_approve", "in_effect", "refused", "taken_back"),
    counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
    sa.Index("ix_change_desk", "authority_id", "state", "flagged"),
    sa.Index("ix_change_newest", "authority_id", "asked_at", "id"),
)

#: The secret of somebody's authenticator app (RFC 6238); counts once a first code was right.
second_factor = table(
    "second_factor",
    text("subject_type", primary_key=True),
    text("subject_id", primary_key=True),
    text("secret"),
    instant("created_at"),
    instant("confirmed_at", null=True),
    sa.Column("last_step", sa.BigInteger, nullable=False),  # the time step of the code used last: none counts twice
    one_of("subject_type", "account", "person"),
)

#: A passkey (Web Authentication) of an account or a person: whoever holds its device logs in by it.
passkey = table(
    "passkey",
    text("id", primary_key=True),
    text("subject_type"),
    text("subject_id"),
    text("credential_id", unique=True),  # base64url
    text("public_key"),  # a COSE key, base64url
    sa.Column("sign_count", sa.BigInteger, nullable=False),  # as the device told it last; 0 for those that do not count
    text("name"),
    text("person"),  # whose device it is, by the real name
    text("office"),
    instant("added_at"),
    instant("used_at", null=True),
    instant("doubted_at", null=True),  # its count went back: the device may have been copied
    one_of("subject_type", "account", "person"),
    sa.Index(None, "subject_type", "subject_id"),
)

#: What a device is to sign next for one browser or one session; answered once, and only for minutes.
passkey_challenge = table(
    "passkey_challenge",
    text("asker_hash", primary_key=True),
    text("challenge"),  # base64url
    sa.Column("about", sa.JSON, nullable=True),  # of a passkey that is to be added: its name, and whose it is
    instant("expires_at"),
)

account = table(
    "account",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("login", unique=True),
    text("department"),
    text("password_hash"),
    text("state"),
    instant("created_at"),
    instant("ends_at", null=True),  # by the legal clock: of outside counsel, with the power of attorney
    sa.Column("cases", sa.JSON, nullable=True),  # of outside counsel: the only ones that are there for it, by number
    one_of("state", "approved", "stopped"),
    counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
)

#: The signed confirmation letter that makes electronic service lawful, and the system that it names.
confirmation_letter = table(
    "confirmation_letter",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("letter_version"),
    text("system_name"),
    text("system_address"),
    text("signed_on"),  # YYYY-MM-DD
    instant("in_force_from"),
    instant("withdrawn_at", null=True),
    text("scan_digest", null=True),
    counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
)

session = table(
    "session",
    text("token_hash", primary_key=True),
    text("subject_type"),
    text("subject_id"),
    text("csrf_token"),
    text("factor", server_default="password"),  # by what it was opened
    text("passkey_id", null=True),  # by which one, where it was
    instant("created_at"),
    instant("expires_at"),
    one_of("subject_type", "account", "person"),
    one_of("factor", "password", "password+totp", "password+passkey", "passkey"),
)

#: Failed log-ins, to slow down guessing; rows older than the window are swept.
login_failure = table(
    "login_failure",
    sa.Column("id", sa.Integer, primary_key=True),
    text("login"),
    text("address"),
    instant("at"),
    sa.Index(None, "login", "at"),
    sa.Index(None, "address", "at"),
)

#: A calendar feed of deadlines that somebody subscribed to: whoever holds its address reads it, until it is revoked.
calendar_feed = table(
    "calendar_feed",
    text("id", primary_key=True),
    text("token_hash", unique=True),
    text("scope"),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("counterparty_id", null=True),
    text("case_no", null=True),
    text("owner_type"),
    text("owner_id"),
    instant("created_at"),
    instant("revoked_at", null=True),
    one_of("scope", "case", "desk", "counterparty"),
    one_of("owner_type", "client", "person", "account"),
    sa.Index(None, "owner_id"),
)
