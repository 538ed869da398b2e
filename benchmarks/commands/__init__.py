"""What `python -m benchmarks NAME` runs, one module each."""
