"""The daemon: a small supervisor of listeners and loops. Sending and reading work without it."""
