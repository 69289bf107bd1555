"""Self-contained HTML pages that show what was measured and why: of a comparison, and of one model.

Every section is prepared as plain data by one function and drawn by the template of its name, so that nothing
is computed in a template and no HTML is made in Python. Text from outside passes ``text.plain`` here and
Jinja2's autoescape in the templates.
"""

from __future__ import annotations
