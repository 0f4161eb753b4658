"""Where VMs would lie: the scheduler's own tree over a plan's hosts, without tasks and agents."""
