"""What sessions and layers cost, measured: `python -m benchmarks NAME`. No part of the package."""
