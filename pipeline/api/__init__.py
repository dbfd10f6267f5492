"""The HTTP interface `/v1`, for case systems."""
