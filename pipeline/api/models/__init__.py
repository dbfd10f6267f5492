"""What goes over the wire, as the OpenAPI document describes it. Moments are RFC 3339 with an offset."""
