"""Typesetters: each prints the same composed blocks in its own way."""
