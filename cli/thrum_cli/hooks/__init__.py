"""What a hook does once it has something to do; `thrum_cli.hooks.entry` decides whether it has."""
