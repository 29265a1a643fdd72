"""What replaces the output of a pruned unit: means, learnt constants, other inputs."""
