"""Keep pytest out of the plugins, which are for the suites of others alone."""

collect_ignore = ["plugins"]
