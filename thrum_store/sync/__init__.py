"""Synchronisation through git: foreign bytes are verified before they become ours."""
