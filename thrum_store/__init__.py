"""The state: the log, the view derived from it, and one function per use case."""
