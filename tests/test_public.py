"""What is public: the names, and what importing them costs."""

import subprocess
import sys

import pytest

import lookalike
from lookalike.registry import IDEAS, PUBLIC, idea, resolve

HEAVY = ("numpy", "scipy", "numba", "sklearn", "PIL", "matplotlib", "torch", "rich", "jinja2", "requests")
LOADED = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"


def fresh(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_all_is_sorted_and_is_what_is_public():
    assert lookalike.__all__ == sorted(lookalike.__all__)
    eager = {
        name
        for name, thing in vars(lookalike).items()
        if isinstance(thing, type) and thing.__module__.startswith("lookalike")
    }
    assert eager | set(PUBLIC) | {"feature"} == set(lookalike.__all__)
    assert set(lookalike.__all__) <= set(dir(lookalike))


@pytest.mark.parametrize("name", lookalike.__all__)
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(lookalike, name)
    assert thing.__doc__
    if name != "distance" and not (isinstance(thing, type) and issubclass(thing, Exception)):
        assert ">>>" in thing.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lookalike' has no attribute 'nothing'"):
        lookalike.nothing  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import lookalike",
        "import lookalike; dir(lookalike)",
        "import sys; sys.argv = ['lookalike', '--help']\nimport runpy, contextlib, io\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    runpy.run_module('lookalike', run_name='__main__')",
    ],
    ids=["import", "dir", "help"],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code):
    assert fresh(f"{code}\n{LOADED}") == "[]"


def test_the_package_distance_is_also_the_decorator():
    code = (
        "import lookalike\n"
        "@lookalike.distance\n"
        "def first(images, image): pass\n"
        "import lookalike.distance.definition\n"
        "@lookalike.distance\n"
        "def second(images, image): pass\n"
        "from lookalike.markers import kind\n"
        "print(kind(first), kind(second), lookalike.distance.definition.l1.__name__)"
    )
    assert fresh(code) == "distance distance l1"


@pytest.mark.parametrize("name", [one.name for one in IDEAS])
def test_every_idea_of_the_registry_can_be_made(name):
    assert hasattr(idea(name).make(), "fit")


def test_names_of_ideas_are_unique():
    assert len({one.name for one in IDEAS}) == len({one.title for one in IDEAS}) == len(IDEAS)


def test_public_targets_are_the_objects_they_name():
    for name, target in PUBLIC.items():
        assert getattr(lookalike, name) is resolve(target)
