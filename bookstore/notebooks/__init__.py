"""A notebook itself: its JSON, how two of them differ, and how one looks."""
