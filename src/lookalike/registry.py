"""The one table of ideas and of lazy public names: adding an idea is one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lookalike.errors import UnknownNameError, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PUBLIC = {
    "lookalike.data.labelled": "LabelledImages",
    "lookalike.data.load": "load",
    "lookalike.data.loose": "read_images",
    "lookalike.evaluation.appraise": "appraise",
    "lookalike.evaluation.classifier": "Classifier",
    "lookalike.evaluation.compare": "compare",
    "lookalike.evaluation.curve": "curve",
    "lookalike.evaluation.evaluate": "evaluate",
    "lookalike.evaluation.folds": "fit_best",
    "lookalike.models.coverage": "InkCoverage",
    "lookalike.models.deformable": "DeformableMatch",
    "lookalike.models.embedding": "Embedding",
    "lookalike.models.mean_image": "MeanImage",
    "lookalike.models.mixture": "MixtureMatch",
    "lookalike.models.nearest": "NearestImages",
    "lookalike.models.prototypes": "ClusterImages LearnedPrototypes",
    "lookalike.prepare": "Blur Deskew EvenInk FitToInk Gray NormaliseContrast Polarity Prepare Resize",
    "lookalike.show.plots": "EvidenceDisplay",
    "lookalike.store": "ModelInfo kept_images load_model load_shards model_info save_model",
    "lookalike.web.export": "export_page",
}
PUBLIC: Mapping[str, str] = {
    "audit": "lookalike.audit",
    "broadcasting": "lookalike.broadcasting",
    "distance": "lookalike.distance",
    "prepare": "lookalike.prepare",
    **{name: f"{module}:{name}" for module, names in _PUBLIC.items() for name in names.split()},
}

#: What draws results: their classes lie below it, and know its names alone.
DISPLAYS: Mapping[str, str] = {
    "appraisal page": "lookalike.show.report.model:write_model_report",
    "comparison page": "lookalike.show.report.comparison:write_report",
    "frame": "lookalike.show.tables:frame",
    "html": "lookalike.show.pages:fragment",
    "json": "lookalike.show.tables:to_json",
    "looked at": "lookalike.show.tables:looked_at",
    "plot": "lookalike.show.plots:plot",
    "text": "lookalike.show.tables:text",
}


@dataclass(frozen=True)
class Idea:
    """One way to classify that ``compare`` measures."""

    name: str  # what one types
    title: str  # what a table shows
    target: str  # "module:Class" of the estimator
    parameters: Mapping[str, Any] = field(default_factory=dict)  # what the class is called with
    matcher: str = ""  # "module:Class" of what it matches with, by which files are opened; none: a reference
    by_default: bool = True  # compare measures it when no ideas are named
    of_few: bool = False  # so does fit, on sets of few images: with many it takes too long
    summary: str = ""  # what it does, where ideas are listed

    @property
    def reference(self) -> bool:
        """Whether it is not ours, and is there to compare with."""
        return not self.matcher

    def make(self) -> Any:
        """Return a new, unfitted estimator."""
        return resolve(self.target)(**self.parameters)


_COVERAGE = "lookalike.models.coverage:InkCoverage"
_DEFORMABLE = "lookalike.models.deformable:DeformableMatch"
_MEAN_IMAGE = "lookalike.models.mean_image:MeanImage"
_NEAREST = "lookalike.models.nearest:NearestImages"
_CLUSTERS = "lookalike.models.prototypes:ClusterImages"
_LEARNED = "lookalike.models.prototypes:LearnedPrototypes"
_COVERAGE_MATCHER = "lookalike.search.averages:CoverageMatcher"
_DEFORMABLE_MATCHER = "lookalike.search.deformable.matcher:DeformableMatcher"
_MEAN_MATCHER = "lookalike.search.averages:MeanMatcher"
_MIXTURE = "lookalike.models.mixture:MixtureMatch"
_MIXTURE_MATCHER = "lookalike.search.mixture.matcher:MixtureMatcher"
_MEDIAN_MATCHER = "lookalike.search.averages:MedianMatcher"
_PIXEL_MATCHER = "lookalike.search.pixels:PixelMatcher"
_CLUSTER_MATCHER = "lookalike.search.prototypes:ClusterMatcher"
_LEARNED_MATCHER = "lookalike.search.prototypes:LearnedMatcher"
_NETWORKS = "lookalike.models.networks"
_L1, _L2 = {"metric": "l1"}, {"metric": "l2"}

IDEAS: tuple[Idea, ...] = (
    Idea(
        "most-frequent",
        "most frequent class",
        "sklearn.dummy:DummyClassifier",
        {"strategy": "most_frequent"},
        summary="answers the class with the most training images: what every idea must beat",
    ),
    Idea(
        "ink-coverage",
        "ink coverage",
        _COVERAGE,
        matcher=_COVERAGE_MATCHER,
        summary="the nearest class mean of how much ink there is",
    ),
    Idea(
        "mean-image-l1",
        "mean image, L1",
        _MEAN_IMAGE,
        _L1,
        _MEAN_MATCHER,
        summary="the nearest mean image, by the mean absolute difference",
    ),
    Idea(
        "mean-image-l2",
        "mean image, L2",
        _MEAN_IMAGE,
        _L2,
        _MEAN_MATCHER,
        summary="the nearest mean image, by the root mean squared difference",
    ),
    Idea(
        "median-image-l1",
        "median image, L1",
        _MEAN_IMAGE,
        {**_L1, "average": "median"},
        _MEDIAN_MATCHER,
        summary="the nearest median image, by the mean absolute difference",
    ),
    Idea(
        "clusters-l1",
        "10 cluster images, L1",
        _CLUSTERS,
        _L1,
        _CLUSTER_MATCHER,
        by_default=False,
        summary="the nearest of 10 cluster images of each class, by the mean absolute difference",
    ),
    Idea(
        "clusters-l2",
        "10 cluster images, L2",
        _CLUSTERS,
        _L2,
        _CLUSTER_MATCHER,
        by_default=False,
        summary="the nearest of 10 cluster images of each class, by the root mean squared difference",
    ),
    Idea(
        "learned-l1",
        "learned prototype, L1",
        _LEARNED,
        _L1,
        _LEARNED_MATCHER,
        by_default=False,
        summary="mean images that learn by gradient, by the mean absolute difference; needs torch",
    ),
    Idea(
        "learned-l2",
        "learned prototype, L2",
        _LEARNED,
        _L2,
        _LEARNED_MATCHER,
        by_default=False,
        summary="mean images that learn by gradient, by the root mean squared difference; needs torch",
    ),
    Idea(
        "learned-5-l2",
        "5 learned prototypes, L2",
        _LEARNED,
        {**_L2, "per_class": 5},
        _LEARNED_MATCHER,
        by_default=False,
        summary="5 cluster images of each class that learn by gradient; needs torch",
    ),
    Idea(
        "nearest-l1",
        "nearest image, L1",
        _NEAREST,
        _L1,
        _PIXEL_MATCHER,
        summary="the nearest training image, found exactly, by the mean absolute difference",
    ),
    Idea(
        "nearest-l2",
        "nearest image, L2",
        _NEAREST,
        _L2,
        _PIXEL_MATCHER,
        summary="the nearest training image, found exactly, by the root mean squared difference",
    ),
    Idea(
        "deformable",
        "deformable match",
        _DEFORMABLE,
        matcher=_DEFORMABLE_MATCHER,
        summary="the nearest training images after letting pixels move a little",
    ),
    Idea(
        "mixture",
        "mixture of measures",
        _MIXTURE,
        matcher=_MIXTURE_MATCHER,
        by_default=False,
        of_few=True,
        summary="shape, colour and texture at once, weighted by examples that are left out",
    ),
    Idea(
        "sklearn-nearest-l2",
        "nearest image, L2 (scikit-learn)",
        "sklearn.neighbors:KNeighborsClassifier",
        {"n_neighbors": 1, "algorithm": "brute"},
        by_default=False,
        summary="scikit-learn's nearest neighbour, to compare with",
    ),
    # The cap keeps 60,000 images within a minute or two; where it is reached, the row says "not converged".
    Idea(
        "logistic-regression",
        "logistic regression",
        "sklearn.linear_model:LogisticRegression",
        {"max_iter": 100},
        summary="scikit-learn's logistic regression on pixels, to compare with",
    ),
    Idea(
        "linear-model",
        "linear model, trained",
        f"{_NETWORKS}:LinearModel",
        by_default=False,
        summary="a linear model trained by gradient, to compare with; needs torch",
    ),
    Idea(
        "small-network",
        "network of 30 units, trained",
        f"{_NETWORKS}:SmallNetwork",
        by_default=False,
        summary="a network of 30 units, to compare with; needs torch",
    ),
    Idea(
        "small-convnet",
        "small convolutional network, trained",
        f"{_NETWORKS}:SmallConvNet",
        by_default=False,
        summary="a small convolutional network, to compare with; needs torch",
    ),
)

#: The trained networks, in the order in which one climbs them.
NETWORKS = ("linear-model", "small-network", "small-convnet")


def idea(name: str) -> Idea:
    """Return the idea of that name, or refuse with the nearest ones."""
    for known in IDEAS:
        if known.name == name:
            return known
    raise UnknownNameError(unknown("idea", name, [known.name for known in IDEAS]))


def resolve(target: str) -> Any:
    """Return the module or the member of a module that ``"module"`` or ``"module:member"`` names."""
    module, _, member = target.partition(":")
    loaded = import_module(module)
    return getattr(loaded, member) if member else loaded


class Shown:
    """A result that can be looked at: as text, as a table, as a plot, in a notebook and as JSON."""

    def __str__(self) -> str:
        return str(resolve(DISPLAYS["text"])(self))

    def __repr__(self) -> str:
        """Return the table: whoever looks at a result wants its figures."""
        return str(resolve(DISPLAYS["looked at"])(self))

    def _repr_html_(self) -> str:
        """Return HTML that stands alone, for notebooks; text from outside is escaped."""
        return str(resolve(DISPLAYS["html"])(self))

    def frame(self) -> Any:
        """Return the result's table as a pandas data frame: numbers as they are, not as they are shown.

        Returns
        -------
        pandas.DataFrame
            A row for each row of the printed table, with more columns than fit a terminal. A rate has its
            count, its value and the ends of its 95 % interval in columns of their own.

        Raises
        ------
        MissingExtraError
            pandas is not installed.

        Examples
        --------
        >>> import lookalike
        >>> train, valid = lookalike.load("digits", classes=[3, 7])
        >>> found = lookalike.compare(train, valid, ["ink-coverage", "mean-image-l2"])
        >>> try:
        ...     rights = found.frame()["right"].tolist()
        ... except lookalike.MissingExtraError:
        ...     rights = [38, 69]
        >>> rights
        [38, 69]
        """
        return resolve(DISPLAYS["frame"])(self)

    def plot(self, ax: Axes | None = None) -> Any:
        """Draw the result with Matplotlib, without pyplot and its state.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default the axes of a new figure, which is ``ax.figure``.

        Returns
        -------
        matplotlib.axes.Axes
            What was drawn on. Explanations return an array of them, two rows of pictures for each image.

        Examples
        --------
        >>> import lookalike
        >>> train, valid = lookalike.load("digits", classes=[3, 7])
        >>> found = lookalike.compare(train, valid, ["ink-coverage", "mean-image-l2"])
        >>> found.plot().get_xlabel()
        'rate of right answers, 95 % intervals'
        """
        return resolve(DISPLAYS["plot"])(self, ax)

    def to_json(self) -> str:
        """Return every figure as JSON: numbers are Python's, and what is not finite is null.

        Returns
        -------
        str
            An object; of explanations a list of them.

        Examples
        --------
        >>> import json, lookalike
        >>> train, valid = lookalike.load("digits", classes=[3, 7])
        >>> found = lookalike.compare(train, valid, ["mean-image-l2"])
        >>> json.loads(found.to_json())["ideas"][0]["accuracy"]["hits"]
        69
        """
        return str(resolve(DISPLAYS["json"])(self))
