"""Options, questions and renderings that several commands share."""
