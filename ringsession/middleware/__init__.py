"""The layers: each is handler -> handler, one file for each key or header that it owns."""
