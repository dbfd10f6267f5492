"""The law that a job is checked against before anything is made: rules as data, pure evaluation, look-ups apart."""
