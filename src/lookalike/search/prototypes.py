"""A few images stand for each class: the middles of clusters, or prototypes that learn by gradient."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.floats import prototype_sums
from lookalike.distance.metrics import METRICS
from lookalike.errors import InputError, LookalikeWarning, MissingExtraError, install
from lookalike.images import evenly, unit_of
from lookalike.progress import Progress, silent
from lookalike.search.averages import COMPILED_FROM, MOST_IMAGES, class_sums, prototype_distances, take_out
from lookalike.search.matcher import Codes, Costs, Kind
from lookalike.search.matches import Matches, Places
from lookalike.search.pixels import METRIC, pixel_costs
from lookalike.search.together import Keys, Together, shift_keys
from lookalike.state import Part, State, array, class_codes, flag, whole

Floats = NDArray[np.float64]
Random = np.random.RandomState

_LONGEST = 1 << 20
#: Numbers in all snapshots: 64 MiB of float32.
_MOST_VALUES = 1 << 24
#: Rows that are judged together.
_CHUNK = 4096
#: Rounds after which clusters are taken as they are; the digits of MNIST come to rest in 20 to 90.
MOST_ROUNDS = 100
#: So many images are kept to say how sure answers are.
_JUDGED = 2000


class PrototypeMatcher:
    """The nearest of some prototypes, of which each class has at least one, class by class.

    A subclass finds them. Nothing can be added: prototypes follow from all training images at once.
    """

    state: ClassVar[State] = {
        "metric": METRIC,
        "prototypes": array(np.float64, shape=("m", ...)),
        "codes": class_codes("m"),
        "class_counts": array(np.int64, shape=(None,), low=1, high=MOST_IMAGES),
    }
    keeps_images = False
    fixed = (
        "prototypes follow from all training images at once, and these are not kept; fit it again, or use a "
        "model of the nearest images"
    )
    kind: Kind = "prototype"
    name = "nearest prototype"

    metric: str
    prototypes: Floats
    codes: Codes
    class_counts: NDArray[np.int64]

    @property
    def title(self) -> str:
        return f"{self.name}, {METRICS[self.metric].title}"

    @property
    def root(self) -> bool:
        return METRICS[self.metric].root

    def restored(self) -> None:
        """Refuse prototypes that do not stand class by class."""
        present = np.unique(self.codes)
        if (np.diff(self.codes) < 0).any() or not np.array_equal(present, np.arange(len(self.class_counts))):
            raise InputError("codes are not class by class: expected at least one for each class")

    def kept(self, places: NDArray[np.intp]) -> Floats:
        return self.prototypes[places]

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.codes = moved[self.codes]

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        distances = self.distances(images)
        if exclude is not None:
            self._take_out(distances, exclude)
        return Matches.of(distances, self.codes, len(self.class_counts), k)

    def distances(self, images: NDArray[Any], prototypes: Floats | None = None) -> Floats:
        """Return the distance of each image to each prototype."""
        wanted = self.prototypes if prototypes is None else prototypes
        return prototype_distances(images, wanted, self.metric, compiled=self._is_large(images.shape[1:]))

    def contributions(self, image: NDArray[Any], place: int) -> Costs | None:
        return pixel_costs(self.metric, image, self.prototypes[place])

    def _is_large(self, shape: tuple[int, ...]) -> bool:
        """Return whether compiled code pays: by what was fitted, not by the batch."""
        return int(self.class_counts.sum()) * int(np.prod(shape)) >= COMPILED_FROM

    def _take_out(self, distances: Floats, exclude: Places) -> None:
        """Take each image out of the prototype that holds it; prototypes that hold none stay."""


class ClusterMatcher(PrototypeMatcher):
    """The middles of each class's clusters: means (L2) or medians (L1), the largest cluster's first."""

    state: ClassVar[State] = {
        **PrototypeMatcher.state,
        "counts": array(np.int64, shape=("m",), low=1, high=MOST_IMAGES),
    }
    name = "cluster images"

    def __init__(self, metric: str, per_class: int, seed: int) -> None:
        self.metric, self.per_class, self.seed = metric, per_class, seed

    def restored(self) -> None:
        super().restored()
        if not np.array_equal(np.bincount(self.codes, self.counts), self.class_counts):
            raise InputError("counts do not add up to class_counts")

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        self.class_counts = np.bincount(codes, minlength=n_classes)
        found = clustered(self, images, codes, self.per_class, self.seed, progress)
        self.prototypes, self.codes, self.counts = found

    def holder(self, images: NDArray[Any], codes: Codes) -> Places:
        """Return the prototype whose cluster each of some training images is in."""
        own = np.where(self.codes == codes[:, None], self.distances(images), np.inf)
        places: Places = np.argmin(own, axis=1).astype(np.int64)
        return places

    def _take_out(self, distances: Floats, exclude: Places) -> None:
        # For medians it is an approximation.
        take_out(distances, exclude, self.counts[exclude])


def clustered(
    matcher: PrototypeMatcher,
    images: NDArray[Any],
    codes: Codes,
    per_class: int,
    seed: int,
    progress: Progress,
) -> tuple[Floats, Codes, NDArray[np.int64]]:
    """Return clusters of each class: their middles where 1 is full ink, their classes and sizes."""
    rows, unit = images.reshape(len(images), -1), unit_of(images)
    centres, sizes = [], []
    n_classes = len(matcher.class_counts)
    for code in range(n_classes):
        progress("clusters of classes", code, n_classes)
        found = clusters(
            rows[codes == code],
            per_class,
            matcher.metric,
            # The same draws for each class: classes of equal images have equal prototypes.
            np.random.RandomState(seed),
            compiled=matcher._is_large(images.shape[1:]),
        )
        centres.append(found.centres / unit)
        sizes.append(np.bincount(found.places, minlength=len(found.centres)))
    owners = np.repeat(np.arange(len(centres)), [len(some) for some in centres])
    prototypes = np.concatenate(centres).reshape(-1, *images.shape[1:])
    return prototypes, owners, np.concatenate(sizes).astype(np.int64)


class Clusters(NamedTuple):
    """Rows in clusters."""

    centres: Floats  # (k, d), in the units of the rows; the largest cluster first
    places: NDArray[np.intp]  # (n,): the cluster of each row


def clusters(
    rows: NDArray[Any],
    count: int,
    metric: str,
    random: Random,
    *,
    compiled: bool = False,
) -> Clusters:
    """Return rows in up to ``count`` clusters, by k-means (L2) or k-medians (L1).

    Centres start at rows that are drawn one after the other, each with a probability proportional to its sum
    of squared (L2) or absolute (L1) differences to the nearest one before: k-means++ (Arthur and
    Vassilvitskii 2007) and its counterpart. Then each row goes to the nearest centre (ties: the first), and
    each centre to the mean or the median of its rows, until nothing changes, or for 100 rounds.

    ``rows`` are ``(n, d)``, bytes or floats. There are fewer clusters where fewer rows differ, or where one
    is left without rows; ``compiled`` code is for bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.search.prototypes import clusters
    >>> rows = np.array([[0], [1], [9], [11], [10]], np.uint8)
    >>> found = clusters(rows, 2, "l2", np.random.RandomState(0))
    >>> found.centres.tolist(), found.places.tolist()
    ([[10.0], [0.5]], [1, 1, 0, 0, 0])
    """
    centres = _seeds(rows, count, metric, random, compiled)
    places = np.full(len(rows), -1, dtype=np.intp)
    for _ in range(MOST_ROUNDS):
        before, places = places, _nearest(rows, centres, metric, compiled)
        if np.array_equal(before, places):
            break
        left, places = np.unique(places, return_inverse=True)
        centres = _averages(rows, places, len(left), metric)
    sizes = np.bincount(places, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    return Clusters(centres[order], np.argsort(order)[places])


def _nearest(rows: NDArray[Any], centres: Floats, metric: str, compiled: bool) -> NDArray[np.intp]:
    """Return the nearest centre of each row."""
    places: NDArray[np.intp] = np.argmin(prototype_sums(rows, centres, metric, compiled=compiled), axis=1)
    return places


def _seeds(rows: NDArray[Any], count: int, metric: str, random: Random, compiled: bool) -> Floats:
    """Return the rows that centres start at: different ones."""
    chosen = [int(random.randint(len(rows)))]
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < count:
        last = rows[chosen[-1:]].astype(np.float64)
        np.minimum(nearest, prototype_sums(rows, last, metric, compiled=compiled)[:, 0], out=nearest)
        reached = np.cumsum(nearest)
        if not reached[-1] > 0:
            break
        # Beyond the last step nothing is drawn, so what is drawn differs from every row before.
        drawn = np.searchsorted(reached, random.uniform() * reached[-1], side="right")
        chosen.append(int(min(drawn, np.flatnonzero(nearest)[-1])))
    return rows[chosen].astype(np.float64)


def _averages(rows: NDArray[Any], places: NDArray[np.intp], count: int, metric: str) -> Floats:
    """Return the image that is nearest to all rows of each cluster."""
    return np.stack([METRICS[metric].average(rows[places == place]) for place in range(count)])


@dataclass(frozen=True)
class Learning:
    """How prototypes learn: see :class:`lookalike.LearnedPrototypes`."""

    per_class: int
    loss: Literal["glvq", "cross-entropy"]
    epochs: int
    learning_rate: float
    batch_size: int
    patience: int
    validation_fraction: float
    random_state: Any


class History:
    """How learning went: losses and accuracies from the start on, an epoch each."""

    state: ClassVar[State] = {
        "loss": array(np.float64, shape=("n",)),
        "validation_loss": array(np.float64, shape=("n",)),
        "validation_accuracy": array(np.float64, shape=("n",)),
    }

    def __init__(self, rows: list[tuple[float, float, float]]) -> None:
        self.loss, self.validation_loss, self.validation_accuracy = np.array(rows).T.copy()

    def restored(self) -> None:
        """Refuse a history of nothing, or without end."""
        if not 1 <= len(self.loss) <= _LONGEST:
            raise InputError(f"the history has {len(self.loss)} epochs: expected 1 to {_LONGEST}")


class LearnedMatcher(PrototypeMatcher):
    """Prototypes that start as mean or cluster images and are moved by gradients.

    ``judged`` are the places of the training images by which the best were chosen: nothing was learned from
    them, where any could be held out.
    """

    state: ClassVar[State] = {
        **PrototypeMatcher.state,
        "best_epoch": whole(0, _LONGEST),
        "interrupted": flag(),
        "history": Part(History),
    }
    name = "learned prototypes"
    holds_out = True
    #: Held to look at, and counted by nobody as part of what answers.
    only_to_look_at = ("snapshots",)

    def __init__(self, metric: str, learning: Learning) -> None:
        self.metric, self.learning = metric, learning

    def restored(self) -> None:
        super().restored()
        if self.best_epoch >= len(self.history.loss):
            raise InputError(f"best_epoch is {self.best_epoch}: expected one of {len(self.history.loss)}")

    def fit(
        self,
        images: NDArray[Any],
        codes: Codes,
        n_classes: int,
        *,
        kin: Keys | None = None,
        progress: Progress = silent,
    ) -> None:
        need_torch("LearnedPrototypes")
        self.class_counts = np.bincount(codes, minlength=n_classes)
        starts, self.codes = self._start(images, codes, progress)
        together = Together.of([shift_keys(images)], codes, kin)
        held = self._hold_out(codes, together.units)
        judged = held if held.any() else ~held
        run = _Run(self, starts, (images[~held], codes[~held]), (images[judged], codes[judged]))
        self.interrupted = False
        try:
            with one_thread():
                run.learn(progress)
        except KeyboardInterrupt:
            if not run.history:
                raise
            self.interrupted = True
            warnings.warn(
                f"learning was interrupted after {len(run.history) - 1} of {self.learning.epochs} epochs: "
                f"the best prototypes so far are kept, those of epoch {run.best_epoch}",
                LookalikeWarning,
                stacklevel=6,
            )
        self.prototypes, self.best_epoch, self.history = run.best, run.best_epoch, History(run.history)
        self.snapshots = np.stack([one.astype(np.float32) for one in run.snapshots])
        self.snapshot_epochs = np.arange(len(run.snapshots), dtype=np.int64) * run.stride
        places = together.one_each(np.flatnonzero(judged))
        self.judged = places[evenly(len(places), _JUDGED)]

    def _start(self, images: NDArray[Any], codes: Codes, progress: Progress) -> tuple[Floats, Codes]:
        """Return the prototypes that learning starts at, and their classes."""
        how = self.learning
        if how.per_class > 1:
            seed = int(_random(how.random_state).randint(2**31))
            return clustered(self, images, codes, how.per_class, seed, progress)[:2]
        sums = class_sums(images.reshape(len(images), -1), codes, len(self.class_counts))
        means = sums / (self.class_counts[:, None] * unit_of(images))
        return means.reshape(-1, *images.shape[1:]), np.arange(len(self.class_counts))

    def _hold_out(self, codes: Codes, units: Codes) -> NDArray[np.bool_]:
        """Return which images are held out: of each class the share, rounded, and never all.

        Copies, or groups, are held out whole, so that the last of them may go beyond the share.
        """
        random = _random(self.learning.random_state)
        held = np.zeros(len(codes), dtype=np.bool_)
        for code in range(len(self.class_counts)):
            places = random.permutation(np.flatnonzero(codes == code))
            count = min(round(len(places) * self.learning.validation_fraction), len(places) - 1)
            left = units[places[~held[places]]]
            found, first, sizes = np.unique(left, return_index=True, return_counts=True)
            order = np.argsort(first)
            before = np.cumsum(sizes[order]) - sizes[order] + held[places].sum()
            more = held | np.isin(units, found[order][before < count])
            if np.bincount(codes[~more], minlength=len(self.class_counts)).all():
                held = more
        return held


class _Run:
    """One fit: prototypes learn, results are judged, and the best are kept."""

    def __init__(
        self,
        matcher: LearnedMatcher,
        starts: Floats,
        learned: tuple[NDArray[Any], Codes],
        judged: tuple[NDArray[Any], Codes],
    ) -> None:
        self._matcher, self._learned, self._judged = matcher, learned, judged
        # Learning goes on in 0-1: images are there, and the values of a table are brought there.
        self._low, self._span = 0.0, 1.0
        if starts.ndim == 2:
            self._low = float(min(learned[0].min(), judged[0].min()))
            self._span = float(max(learned[0].max(), judged[0].max())) - self._low or 1.0
        self.best, self.best_epoch = starts, 0
        self.history: list[tuple[float, float, float]] = []
        self.snapshots: list[Floats] = []
        self.stride = max(1, -(-(matcher.learning.epochs + 1) * starts.size // _MOST_VALUES))

    def learn(self, progress: Progress) -> None:
        """Learn until the epochs are over, or nothing becomes better."""
        from lookalike.search.gradient import Learner

        matcher, how, (images, codes) = self._matcher, self._matcher.learning, self._learned
        learner = Learner(
            ((self.best - self._low) / self._span).reshape(len(self.best), -1).astype(np.float32),
            matcher.codes,
            metric=matcher.metric,
            loss=how.loss,
            rate=how.learning_rate,
            epochs=how.epochs,
        )
        random = _random(how.random_state)
        if len(matcher.class_counts) == 1:
            self._note(0, 0.0, 0.0, self.best)
            return
        some = slice(0, how.batch_size * 4)
        learner.sharpen(self._unit(images[some]), codes[some])
        self._note(0, self._loss(learner, images, codes), self._loss(learner, *self._judged), self.best)
        for epoch in range(1, how.epochs + 1):
            if epoch - 1 - self.best_epoch >= how.patience:
                break
            progress("learning, epochs", epoch - 1, how.epochs)
            total = 0.0
            for batch in np.array_split(random.permutation(len(images)), -(-len(images) // how.batch_size)):
                total += learner.step(self._unit(images[batch]), codes[batch]) * len(batch)
            learner.slow_down()
            now = (self._low + learner.prototypes * self._span).reshape(self.best.shape)
            self._note(epoch, total / len(images), self._loss(learner, *self._judged), now)
        progress("learning, epochs", how.epochs, how.epochs)

    def _note(self, epoch: int, loss: float, judged_loss: float, prototypes: Floats) -> None:
        """Judge prototypes, and keep them where they are the best so far."""
        images, codes = self._judged
        distances = self._matcher.distances(images, prototypes)
        accuracy = float((self._matcher.codes[np.argmin(distances, axis=1)] == codes).mean())
        best = self.history[self.best_epoch] if self.history else (0.0, 0.0, -1.0)
        self.history.append((loss, judged_loss, accuracy))
        if epoch % self.stride == 0:
            self.snapshots.append(prototypes)
        if (accuracy, -judged_loss) > (best[2], -best[1]):
            self.best, self.best_epoch = prototypes, epoch

    def _loss(self, learner: Any, images: NDArray[Any], codes: Codes) -> float:
        """Return the mean loss of images, of which a few at a time become floats."""
        parts = [slice(start, start + _CHUNK) for start in range(0, len(images), _CHUNK)]
        sums = [learner.loss(self._unit(images[part]), codes[part]) * len(codes[part]) for part in parts]
        return float(sum(sums)) / len(images)

    def _unit(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return images as rows on the scale of learning."""
        rows = images.reshape(len(images), -1)
        if self._low or self._span != 1:
            rows = (rows - self._low) / self._span
        return rows.astype(np.float32) / np.float32(unit_of(images))


def need_torch(what: str) -> None:
    """Say which extra is missing, where torch is not there."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"{what} needs torch: {install('torch')}") from error


class one_thread:  # noqa: N801 - used like a function
    """Have torch use one thread of the processor meanwhile.

    Batches of small images are too little work to share: handing it out takes longer than doing it, by far
    where the processor is busy. And sums of floats depend on how they are split.
    """

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        import torch

        torch.set_num_threads(self._before)


def _random(random_state: Any) -> Random:
    """Return where random numbers are drawn from, as scikit-learn's ``check_random_state`` says it."""
    from sklearn.utils import check_random_state

    random: Random = check_random_state(random_state)
    return random
