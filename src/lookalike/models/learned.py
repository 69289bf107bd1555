"""Mean images that learn: gradients move them to where fewer answers are wrong."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from lookalike.errors import InputError, LookalikeWarning
from lookalike.models.base import check_whole
from lookalike.models.calibration import LeftOut
from lookalike.models.class_means import class_sums
from lookalike.models.prototype_base import Codes, Floats, PrototypeClassifier
from lookalike.models.reservoir import SIZE, spreads
from lookalike.models.with_torch import need_torch, one_thread
from lookalike.progress import Progress

if TYPE_CHECKING:
    from lookalike.models.explain import Manner
    from lookalike.models.learning import Learner
    from lookalike.models.state import StateReader

_LOSSES = ("glvq", "cross-entropy")
_HISTORY = ("loss", "validation_loss", "validation_accuracy")
#: Numbers in all snapshots: 64 MiB of float32.
_MOST_VALUES = 1 << 24
_MOST_EPOCHS = 1 << 20
#: Rows that are judged together.
_CHUNK = 4096


class LearnedPrototypes(PrototypeClassifier):
    r"""Classify by the nearest of prototypes that start as mean images and are moved by gradients.

    A mean image is the middle of its class, whatever the other classes look like. Learning moves it, step by
    step against the gradient of a loss, to where more images are nearer to a prototype of their own class
    than to any other. Needs torch to learn (``pip install "lookalike[torch]"``); a fitted model answers
    without.

    Parameters
    ----------
    metric : {"l1", "l2"}, default="l2"
        How unlike two images are: the mean absolute or the root mean squared difference. Losses take the
        squared L2.
    per_class : int, default=1
        How many prototypes for each class. One starts at the mean image; several start at the cluster images
        of :class:`lookalike.ClusterImages`.
    loss : {"glvq", "cross-entropy"}, default="glvq"
        What is to become small. ``"glvq"``, generalised learning vector quantisation: with :math:`d_1` the
        distance to the nearest prototype of the image's class and :math:`d_2` that to the nearest other one,
        the sigmoid of 60 times :math:`(d_1 - d_2) / (d_1 + d_2)`. ``"cross-entropy"``: that of the softmax
        over the negative distances to each class's nearest prototype, times a sharpness that is learned too.
    epochs : int, default=20
        How often, at most, all images are gone through.
    learning_rate : float, default=0.01
        About how far a first step goes, where 1 is full ink.
    batch_size : int, default=256
        Images in a step.
    patience : int, default=10
        Epochs without a better result on the images that are held out, after which learning ends.
    validation_fraction : float, default=0.1
        The share of each class's training images that is held out: nothing is learned from them, and the
        prototypes are kept that answer most of them right (ties: the least loss on them).
    random_state : int, RandomState or None, default=0
        What is held out, the order of images and the start of clusters are drawn by.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    prototypes_ : ndarray of shape (n_prototypes, h, w[, c]) or (n_prototypes, n_features), float64
        The best prototypes: in 0-1, or within the range of a 2-D array's values; class by class.
    prototype_labels_ : ndarray of shape (n_prototypes,)
        Their classes.
    history_ : dict of ndarray, each of shape (n_epochs + 1,)
        ``"loss"``: of the images learned from, at the start and in each epoch, as it went by.
        ``"validation_loss"`` and ``"validation_accuracy"``: on the images held out, at the start and after
        each epoch. Place 0 is the start: mean images or cluster images.
    best_epoch_ : int
        Which epoch's prototypes were kept; 0 is the start.
    snapshots_ : ndarray of shape (n_snapshots, n_prototypes, h, w[, c]) or (..., n_features), float32
        The prototypes at the start and after each epoch, or after every so many where there are many; not in
        model files.
    snapshot_epochs_ : ndarray of shape (n_snapshots,), int64
        The epoch of each.
    interrupted_ : bool
        Whether Ctrl-C ended learning; the best prototypes so far were kept.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many training images each class had.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.MeanImage : Where one prototype a class starts.
    lookalike.ClusterImages : Where several start.

    Notes
    -----
    Ties go to the first class in ``classes_``. The start is made of all training images, those held out too:
    where learning brings nothing, the model is :class:`lookalike.MeanImage`. Where no class has enough images
    to hold any out, results are judged on the images learned from.

    Prototypes stay images: after each step, what went beyond 0 or 1 (for a 2-D array, beyond the least and
    the largest value that ``fit`` saw) is cut off. Rates do not suffer from it.

    The same seed gives the same prototypes to the bit on the CPU with the same versions of NumPy and torch
    and the same kind of processor: torch uses one of its threads meanwhile, and none of its random numbers.

    References
    ----------
    A. Sato and K. Yamada, "Generalized learning vector quantization", NIPS 8 (1995). D. Kingma and J. Ba,
    "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.LearnedPrototypes().fit(train.images, train.labels)  # doctest: +SKIP
    >>> model.prototypes_.shape, model.best_epoch_ > 0  # doctest: +SKIP
    ((2, 8, 8), True)
    """

    history_: dict[str, Floats]
    best_epoch_: int
    snapshots_: NDArray[np.float32]
    snapshot_epochs_: NDArray[np.int64]
    interrupted_: bool

    #: Held to look at, and counted by nobody as part of what answers.
    only_to_look_at = ("snapshots_",)

    def __init__(
        self,
        metric: Literal["l1", "l2"] = "l2",
        *,
        per_class: int = 1,
        loss: Literal["glvq", "cross-entropy"] = "glvq",
        epochs: int = 20,
        learning_rate: float = 0.01,
        batch_size: int = 256,
        patience: int = 10,
        validation_fraction: float = 0.1,
        random_state: Any = 0,
    ) -> None:
        self.metric = metric
        self.per_class = per_class
        self.loss = loss
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.loss not in _LOSSES:
            raise InputError(f"loss is {self.loss!r}: expected 'glvq' or 'cross-entropy'")
        for name in ("epochs", "batch_size", "patience"):
            check_whole(name, getattr(self, name))
        if not 0 < self.learning_rate <= 1:
            raise InputError(f"learning_rate is {self.learning_rate!r}: expected a number above 0, up to 1")
        if not 0 <= self.validation_fraction < 1:
            raise InputError(
                f"validation_fraction is {self.validation_fraction!r}: expected a number from 0 to below 1"
            )

    def _find(self, rows: NDArray[Any], scale: int, codes: Codes, progress: Progress) -> None:
        need_torch("LearnedPrototypes")
        starts, self._codes = self._start(rows, scale, codes, progress)
        held = self._hold_out(codes)
        judged = held if held.any() else ~held
        run = _Run(self, starts, (rows[~held], codes[~held]), (rows[judged], codes[judged]), scale)
        self.interrupted_ = False
        try:
            with one_thread():
                run.learn(progress)
        except KeyboardInterrupt:
            if not run.history:
                raise
            self.interrupted_ = True
            warnings.warn(
                f"learning was interrupted after {len(run.history) - 1} of {self.epochs} epochs: the best "
                f"prototypes so far are kept, those of epoch {run.best_epoch}",
                LookalikeWarning,
                stacklevel=4,
            )
        self.prototypes_, self.best_epoch_ = self._shaped(run.best), run.best_epoch
        self.history_ = dict(zip(_HISTORY, np.array(run.history).T.copy(), strict=True))
        self.snapshots_ = np.stack([self._shaped(one.astype(np.float32)) for one in run.snapshots])
        self.snapshot_epochs_ = np.arange(len(run.snapshots), dtype=np.int64) * run.stride
        self._held = self._judged(rows[judged], scale, codes[judged])

    def _start(
        self, rows: NDArray[Any], scale: int, codes: Codes, progress: Progress
    ) -> tuple[Floats, Codes]:
        """Return the prototypes that learning starts at, as rows, and their classes."""
        if self.per_class > 1:
            return self._clustered(rows, scale, codes, progress)[:2]
        sums = class_sums(rows, codes, len(self.classes_))
        return sums / (self.class_counts_[:, None] * scale), np.arange(len(self.classes_))

    def _hold_out(self, codes: Codes) -> NDArray[np.bool_]:
        """Return which images are held out: of each class the share, rounded, and never all."""
        random = check_random_state(self.random_state)
        held = np.zeros(len(codes), dtype=np.bool_)
        for code in range(len(self.classes_)):
            places = random.permutation(np.flatnonzero(codes == code))
            count = min(round(len(places) * self.validation_fraction), len(places) - 1)
            held[places[:count]] = True
        return held

    def _judged(self, rows: NDArray[Any], scale: int, codes: Codes) -> LeftOut:
        """Return class distances of the images held out, to say how sure answers are."""
        some = np.unique(np.linspace(0, len(rows) - 1, SIZE).astype(np.intp))
        distances = self._per_class(self._per_prototype(rows[some], scale, self.prototypes_))
        return LeftOut(distances, codes[some], spreads(rows[some], scale))

    def _manner(self) -> Manner:
        from lookalike.models.explain import Manner

        return Manner(f"learned prototypes, {self.metric.upper()}", self.metric == "l2")

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        facts["best_epoch"] = int(self.best_epoch_)
        facts["interrupted"] = self.interrupted_
        for name in _HISTORY:
            arrays[f"history_{name}"] = self.history_[name]

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        length = len(state.array("history_loss", np.float64, (None,)))
        if not 1 <= length <= _MOST_EPOCHS:
            raise InputError(f"the history has {length} epochs: expected 1 to {_MOST_EPOCHS}")
        self.history_ = {
            name: state.array(f"history_{name}", np.float64, (length,)).copy() for name in _HISTORY
        }
        self.best_epoch_ = state.whole("best_epoch", 0, length - 1)
        self.interrupted_ = state.flag("interrupted")


class _Run:
    """One fit: prototypes learn, results are judged, and the best are kept.

    Parameters
    ----------
    model : LearnedPrototypes
        Whose parameters count.
    starts : ndarray of shape (m, d), float64
        Prototypes on the scale where 1 is full ink.
    learned, judged : pairs of ndarray
        Rows and codes to learn from, and to judge by.
    scale : int
        What of the rows stands for 1.
    """

    def __init__(
        self,
        model: LearnedPrototypes,
        starts: Floats,
        learned: tuple[NDArray[Any], Codes],
        judged: tuple[NDArray[Any], Codes],
        scale: int,
    ) -> None:
        self._model, self._scale, self._learned, self._judged = model, scale, learned, judged
        # Learning goes on in 0-1: images are there, and the values of a table are brought there.
        self._low, self._span = 0.0, 1.0
        if model.image_shape_ is None:
            self._low = float(min(learned[0].min(), judged[0].min()))
            self._span = float(max(learned[0].max(), judged[0].max())) - self._low or 1.0
        self.best, self.best_epoch = starts, 0
        self.history: list[tuple[float, float, float]] = []
        self.snapshots: list[Floats] = []
        self.stride = max(1, -(-(model.epochs + 1) * starts.size // _MOST_VALUES))

    def learn(self, progress: Progress) -> None:
        """Learn until the epochs are over, or nothing becomes better."""
        from lookalike.models.learning import Learner

        model, (rows, codes) = self._model, self._learned
        learner = Learner(
            ((self.best - self._low) / self._span).astype(np.float32),
            model._codes,
            metric=model.metric,
            loss=model.loss,
            rate=model.learning_rate,
            epochs=model.epochs,
        )
        random = check_random_state(model.random_state)
        if len(model.classes_) == 1:
            self._note(0, 0.0, 0.0, self.best)
            return
        some = slice(0, model.batch_size * 4)
        learner.sharpen(self._unit(rows[some]), codes[some])
        self._note(0, self._loss(learner, rows, codes), self._loss(learner, *self._judged), self.best)
        for epoch in range(1, model.epochs + 1):
            if epoch - 1 - self.best_epoch >= model.patience:
                break
            progress("learning, epochs", epoch - 1, model.epochs)
            total = 0.0
            for batch in np.array_split(random.permutation(len(rows)), -(-len(rows) // model.batch_size)):
                total += learner.step(self._unit(rows[batch]), codes[batch]) * len(batch)
            learner.slow_down()
            now = self._low + learner.prototypes * self._span
            self._note(epoch, total / len(rows), self._loss(learner, *self._judged), now)
        progress("learning, epochs", model.epochs, model.epochs)

    def _note(self, epoch: int, loss: float, judged_loss: float, prototypes: Floats) -> None:
        """Judge prototypes, and keep them where they are the best so far."""
        model, (rows, codes) = self._model, self._judged
        distances = model._per_class(model._per_prototype(rows, self._scale, prototypes))
        accuracy = float((np.argmin(distances, axis=1) == codes).mean())
        best = self.history[self.best_epoch] if self.history else (0.0, 0.0, -1.0)
        self.history.append((loss, judged_loss, accuracy))
        if epoch % self.stride == 0:
            self.snapshots.append(prototypes)
        if (accuracy, -judged_loss) > (best[2], -best[1]):
            self.best, self.best_epoch = prototypes, epoch

    def _loss(self, learner: Learner, rows: NDArray[Any], codes: Codes) -> float:
        """Return the mean loss of rows, of which a few at a time become floats."""
        parts = [slice(start, start + _CHUNK) for start in range(0, len(rows), _CHUNK)]
        sums = [learner.loss(self._unit(rows[part]), codes[part]) * len(codes[part]) for part in parts]
        return sum(sums) / len(rows)

    def _unit(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows on the scale of learning."""
        if self._low or self._span != 1:
            rows = (rows - self._low) / self._span
        return rows.astype(np.float32) / np.float32(self._scale)
