"""The clients that coding agents run in: facts about each, and how a worktree is set up for it."""
