"""One self-contained HTML file that shows what was measured and why.

``page.write_report`` writes it. Every part of the page is prepared as plain data by one module
(``overview``, ``pairs``, ``classes``, ``ideals``, ``chosen``, ``answers``, ``facts``) and drawn by the
template of the same name, so that nothing is computed in a template and no HTML is made in Python. Text
from outside passes ``picture.text.plain`` in these modules and Jinja2's autoescape in the templates.
"""

from __future__ import annotations
