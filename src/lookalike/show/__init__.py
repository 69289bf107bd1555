"""Results to look at: text, tables, plots, images in the terminal, notebooks and HTML pages.

``columns`` declares what tables hold, once; ``tables`` draws it as text, CSV and data frames, ``facts`` as
JSON, ``pages`` for notebooks. ``registry.DISPLAYS`` names what results call.
"""
