"""What handlers share, and the pages that people look at."""
