"""Tables and reports over run folders: they read config.json, metrics.json and predictions, nothing else."""
