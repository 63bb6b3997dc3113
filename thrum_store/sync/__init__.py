"""Making the logs of two machines hold the same: foreign bytes are checked, and only then become ours."""
