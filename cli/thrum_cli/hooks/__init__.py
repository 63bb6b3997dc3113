"""What a hook does once it has something to do; `thrum_cli.hook` decides whether it has."""
