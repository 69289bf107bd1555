"""How unlike two images are.

``definition`` says it by broadcasting and is the oracle of everything else here. The package itself can be
called: ``@lookalike.distance`` marks a function of the user's own as a distance for ``compare``.
"""

from lookalike.markers import distance, make_callable

# The decorator and this package share the public name ``lookalike.distance``.
make_callable(__name__, distance)
