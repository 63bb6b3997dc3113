"""The state: the log, the view folded from it, and one function per use case."""
