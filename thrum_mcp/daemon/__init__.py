"""The daemon: a small supervisor of listeners and loops. Nothing of it is needed to send or to read."""
