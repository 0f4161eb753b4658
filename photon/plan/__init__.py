"""What-if: the product itself, simulated, on hosts and a workload that a person describes."""
