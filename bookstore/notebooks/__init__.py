"""Work on the contents of notebooks: read, compare and render them."""
