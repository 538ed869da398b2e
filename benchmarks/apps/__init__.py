"""The applications that are measured: ours, other libraries', and floors written by hand."""
