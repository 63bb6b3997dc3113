"""Agent definitions and templates to copy into a repository; ships as `thrum_toolkit`."""
