"""What users do, written once for HTTP, the shell, papermill and checkpoints."""
