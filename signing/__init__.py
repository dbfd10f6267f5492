"""Bytes in, sealed bytes out: keys, certificates, timestamps, seals, verification. Knows no database."""
