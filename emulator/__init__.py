"""The public names of the package, nothing else."""
