"""Define the commands of ``jupyter bookstore``."""
