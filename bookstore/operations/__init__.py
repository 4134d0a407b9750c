"""Do what users ask for, by HTTP, in a shell, with papermill or by checkpoints."""
