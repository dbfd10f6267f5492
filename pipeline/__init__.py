"""Top floor: intake, steps, queue, HTTP API, command line, composition."""
