"""Archive saves: record them in the outbox, and upload them to the store."""
