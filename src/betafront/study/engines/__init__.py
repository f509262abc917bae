"""How workers are launched: processes, Slurm, Ray."""
