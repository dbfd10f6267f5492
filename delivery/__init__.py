"""Who receives, when it counts, what proves it."""
