"""Every SELECT of a use case, by noun."""
