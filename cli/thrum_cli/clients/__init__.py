"""The coding agents' clients: what each accepts, and how a repository is set up for it and cleaned up again."""
