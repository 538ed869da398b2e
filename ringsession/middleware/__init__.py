"""The layers. Each takes a handler and returns a handler, and has a file of its own."""
