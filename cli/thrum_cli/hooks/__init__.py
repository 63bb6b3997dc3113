"""Hooks: commands that an agent's client runs at every turn and every tool call. `entry` decides if there is work."""
