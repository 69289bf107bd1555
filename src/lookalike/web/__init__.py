"""Models behind a page and a REST API: what is served, what is taught for good, and who is let in."""
