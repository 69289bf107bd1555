"""What can be compared: names from the registry, estimators, marked functions, and a file of a user's own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import extract_tb
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lookalike.errors import InputError, LookalikeError
from lookalike.images import ImageBatch, to_unit
from lookalike.markers import kind
from lookalike.models.embedding import Embedding
from lookalike.models.mean_image import MeanImage
from lookalike.models.nearest import NearestImages
from lookalike.registry import IDEAS, Idea, idea
from lookalike.search.averages import class_sums

#: How classes are told apart by the features of a network: the usual ways.
ON_FEATURES: Mapping[str, Any] = {
    "nearest": NearestImages(metric="l2"),
    "mean": MeanImage("l2"),
    "logistic": LogisticRegression(C=100.0, max_iter=1000),
}
_CHUNK = 1000


@dataclass(frozen=True)
class Candidate:
    """An idea with its name, ready to be fitted."""

    name: str  # what one types
    title: str  # what a table shows
    origin: str  # whose it is: "ours", "reference" or "yours"
    make: Callable[[], Any]  # returns a new, unfitted estimator
    slow: bool = False  # fitting it takes long


def candidates(ideas: Iterable[Any] | Mapping[str, Any] | None) -> list[Candidate]:
    """Return what ``compare`` was asked to measure, each under a name of its own.

    Ideas are registry names, estimators, marked functions, pairs of a name and one of these, or all of them
    by their names; None means the registry's default ideas. An embedding is one for each of ``ON_FEATURES``.
    """
    if ideas is None:
        ideas = [known for known in IDEAS if known.by_default]
    # A text has letters, and a pipeline has steps.
    if isinstance(ideas, str) or _is_like_a_classifier(ideas) or not isinstance(ideas, Iterable):
        raise InputError(f"ideas is {ideas!r}: expected a list of ideas, with brackets around one alone")
    given = list(ideas.items() if isinstance(ideas, Mapping) else ideas)
    if not given:
        raise InputError("no ideas to compare: expected at least one")
    return _distinct([one for thing in given for one in _candidates(thing)])


def _candidates(thing: Any) -> list[Candidate]:
    """Return what one thing that was given is: a candidate, or several."""
    name, inner = thing if isinstance(thing, tuple) and len(thing) == 2 else ("", thing)
    if not isinstance(inner, Embedding):
        return [_candidate(thing)]
    # What is wrong with a network is said before anything is measured.
    name = str(name) or Path(clone(inner).fit().path).stem
    return [
        Candidate(f"{name}-{how}", f"{name} features, {how}", "reference", _on_features(inner, classifier))
        for how, classifier in ON_FEATURES.items()
    ]


def _on_features(embedding: Embedding, classifier: Any) -> Callable[[], Any]:
    return lambda: make_pipeline(clone(embedding), clone(classifier))


def _candidate(thing: Any) -> Candidate:
    """Return one idea as a candidate."""
    if isinstance(thing, str):
        thing = idea(thing)
    if isinstance(thing, Idea):
        origin = "reference" if thing.reference else "ours"
        return Candidate(thing.name, thing.title, origin, thing.make, slow=thing.of_few)
    name = ""
    if isinstance(thing, tuple) and len(thing) == 2 and isinstance(thing[0], str):
        name, thing = thing
    if name and isinstance(thing, str | Idea):
        return replace(_candidate(thing), name=name, title=name)
    made = _maker(thing)
    if made is None and isinstance(thing, type) and _is_like_a_classifier(thing):
        raise InputError(_no_instance(thing))
    if made is None:
        raise InputError(
            f"{thing!r} is no idea: expected a name, an estimator, or a function marked @lookalike.feature "
            "or @lookalike.distance"
        )
    name = name or str(getattr(thing, "__name__", type(thing).__name__))
    return Candidate(name, name, "yours", made)


def _maker(thing: Any) -> Callable[[], Any] | None:
    """Return a function that makes a new estimator of ``thing``, or None where it is no idea."""
    marked = kind(thing)
    if marked == "feature":
        return lambda: FeatureMeans(thing)
    if marked == "distance":
        return lambda: MeanImageBy(thing)
    if not isinstance(thing, type) and _is_like_a_classifier(thing):
        if not (hasattr(thing, "get_params") and hasattr(thing, "set_params")):
            raise InputError(f"{_named_kind(type(thing))} cannot be copied: {_derive(type(thing))}")
        return lambda: clone(thing)
    return None


def _is_like_a_classifier(thing: Any) -> bool:
    return hasattr(thing, "fit") and hasattr(thing, "predict")


def _named_kind(kind: type) -> str:
    return f"an estimator of the class {kind.__name__}"


def _derive(kind: type) -> str:
    """Return what a class must be that scikit-learn can copy."""
    name = kind.__name__
    return (
        f"expected a class that derives from those of sklearn.base, class {name}(ClassifierMixin, "
        "BaseEstimator)"
    )


def _distinct(found: list[Candidate]) -> list[Candidate]:
    """Give a number to names that occur twice, so that every row has its own."""
    result: list[Candidate] = []
    seen: dict[str, int] = {}
    for one in found:
        seen[one.name] = seen.get(one.name, 0) + 1
        mark = "" if seen[one.name] == 1 else f"-{seen[one.name]}"
        result.append(replace(one, name=one.name + mark, title=one.title + mark))
    return result


def from_file(path: Path) -> list[tuple[str, Any]]:
    """Run a user's own Python file, with the user's rights, and return the ideas in it in its order.

    These are every marked function and every estimator that the file binds to a public name. Errors name the
    line that failed.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file: expected a Python file of ideas")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file: expected a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    # Where the file defines classes, pickling and dataclasses look its module up by name.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{path}{_failing_line(error, str(path))} failed: {one_line(error)}") from error
    public = [(name, thing) for name, thing in vars(module).items() if not name.startswith("_")]
    found = [(name, thing) for name, thing in public if _maker(thing) is not None]
    classes = [thing for _, thing in public if isinstance(thing, type) and thing.__module__ == spec.name]
    plain = next(filter(_is_like_a_classifier, classes), None)
    if not found and plain is not None:
        raise InputError(f"{path} has no ideas: {_no_instance(plain)}")
    if not found:
        raise InputError(
            f"{path} has no ideas: expected an estimator, or a function marked @lookalike.feature or "
            "@lookalike.distance"
        )
    return found


def _no_instance(kind: type) -> str:
    """Return what to say of a class where one of its instances should be."""
    named = f"{kind.__name__} is a class: expected an instance of it, such as mine = {kind.__name__}()"
    ready = hasattr(kind, "get_params") and hasattr(kind, "set_params")
    return named if ready else f"{named}, and {_derive(kind).removeprefix('expected ')}"


def one_line(error: BaseException) -> str:
    """Return an error's kind and first line; our own errors say what is wrong without their kind."""
    text = str(error).strip().splitlines()
    if text and isinstance(error, LookalikeError):
        return text[0]
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _failing_line(error: BaseException, path: str) -> str:
    """Return ", line 3" for the last line of ``path`` that the error passed through, or nothing."""
    lines = [error.lineno] if isinstance(error, SyntaxError) else []
    lines += [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == path]
    return f", line {lines[-1]}," if lines and lines[-1] else ""


class _OfFunction(ClassifierMixin, BaseEstimator):
    """A classifier made of a user's function, which is handed float64 images in 0-1."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def predict(self, X: ImageBatch) -> NDArray[Any]:
        """Return the nearest class."""
        labels: NDArray[Any] = self.classes_[np.argmin(self._distances(X), axis=1)]
        return labels

    def _values(self, expected: str, images: ImageBatch, beside: Any = ()) -> NDArray[np.float64]:
        """Return what the function gives for images, ``(n, d)``, or for them and each of a few others.

        A few images at a time, so that floats of all are never held.
        """
        found = []
        for start in range(0, len(images), _CHUNK):
            part = to_unit(images[start : start + _CHUNK])
            others: list[tuple[Any, ...]] = [(other,) for other in beside] or [()]
            found.append(np.hstack([self._called(expected, part, *other) for other in others]))
        return np.concatenate(found)

    def _called(self, expected: str, *images: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the function gives for images, checked."""
        shapes = (1,) if expected == "(n,)" else (1, 2)
        name = getattr(self.function, "__name__", "the function")
        try:
            n, values = len(images[0]), np.asarray(self.function(*images), dtype=np.float64)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            # Most often it takes them for tensors, or for gray where they are in colour.
            given = " and ".join(f"{one.dtype} {one.shape}" for one in images)
            tensors = isinstance(error, AttributeError | TypeError)
            file = getattr(getattr(self.function, "__code__", None), "co_filename", "")
            raise InputError(
                f"{name}{_failing_line(error, file)} failed: {one_line(error)}; it is given NumPy arrays, "
                f"{given} in 0-1{': torch.from_numpy makes tensors of them' if tensors else ''}"
            ) from error
        if values.ndim not in shapes or len(values) != n or not values.size:
            raise InputError(
                f"{name} returned shape {values.shape} for {n} images, {images[0].shape}: expected {expected}"
            )
        if not np.isfinite(values).all():
            raise InputError(f"{name} returned {values[~np.isfinite(values)][0]}: expected finite numbers")
        return values.reshape(n, -1)


class FeatureMeans(_OfFunction):
    """Classify by the nearest class mean of a feature, by Euclidean distance, ties to the first class."""

    def fit(self, X: ImageBatch, y: NDArray[Any]) -> Self:
        """Average the feature over each class."""
        self.classes_, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        features = self._values("(n,) or (n, d)", X)
        self.class_features_ = class_sums(features, codes, len(counts)) / counts[:, None]
        return self

    def _distances(self, images: ImageBatch) -> NDArray[np.float64]:
        return cdist(self._values("(n,) or (n, d)", images), self.class_features_, "sqeuclidean")


class MeanImageBy(_OfFunction):
    """Classify by the nearest mean image under a user's distance, ties to the first class."""

    def fit(self, X: ImageBatch, y: NDArray[Any]) -> Self:
        """Average the images of each class."""
        model = MeanImage().fit(X, y)
        self.classes_, self.class_images_ = model.classes_, model.class_images_
        return self

    def _distances(self, images: ImageBatch) -> NDArray[np.float64]:
        return self._values("(n,)", images, self.class_images_)
