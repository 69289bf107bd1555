"""HTML pages that stand alone: each section is made as plain data, and drawn by the template of its name."""
