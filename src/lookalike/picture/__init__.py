"""Images to look at: in the terminal, on pages, as figures."""
