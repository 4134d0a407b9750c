"""The way of a save: recorded, durable in the outbox, uploaded to the store."""
