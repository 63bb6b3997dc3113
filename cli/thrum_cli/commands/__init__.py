"""The commands, one noun to a module; a renderer stands under its command."""
