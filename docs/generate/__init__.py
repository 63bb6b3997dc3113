"""Writes the generated pages of the documentation and the server's early answers; it does not ship with the program."""
