"""How gradients move prototypes: two losses, by torch's autograd. Imported only where something learns."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: How steep the step from right to wrong is, in units of the relative distance: chosen on training images.
STEEPNESS = 60.0
#: How fast the sharpness of cross-entropy learns, beside prototypes.
_SHARPNESS_RATE = 0.05


def distances(images: Tensor, prototypes: Tensor, metric: str) -> Tensor:
    """Return the mean absolute (L1) or mean squared (L2) difference of each image and each prototype.

    Squares are multiplied out, so that nothing of the size images x prototypes x values is made.
    """
    return _SUMS[metric](images, prototypes) / images.shape[1]


def _squared_sums(images: Tensor, prototypes: Tensor) -> Tensor:
    squares = (images * images).sum(1, keepdim=True) + (prototypes * prototypes).sum(1)
    return (squares - 2 * images @ prototypes.T).clamp_min(0)


#: Sums of differences by metric, in a form that gradients flow through.
_SUMS = {"l1": lambda images, prototypes: torch.cdist(images, prototypes, p=1.0), "l2": _squared_sums}


def nearest_two(apart: Tensor, codes: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance to the nearest prototype of the image's own class, and of all other classes."""
    own = owners == codes[:, None]
    infinity = float("inf")
    return apart.masked_fill(~own, infinity).min(1).values, apart.masked_fill(own, infinity).min(1).values


def glvq(apart: Tensor, codes: Tensor, owners: Tensor) -> Tensor:
    r"""Return the loss of generalised learning vector quantisation (Sato and Yamada 1995).

    .. math:: \mu = \frac{d_1 - d_2}{d_1 + d_2}, \qquad \text{loss} = \frac{1}{1 + \exp(-60 \mu)},

    averaged over images, where :math:`d_1` is the distance to the nearest prototype of the image's own class
    and :math:`d_2` to the nearest one of the others: about the share of wrong answers, made smooth.
    """
    own, other = nearest_two(apart, codes, owners)
    total = (own + other).clamp_min(torch.finfo(apart.dtype).tiny)
    return torch.sigmoid(STEEPNESS * (own - other) / total).mean()


def cross_entropy(apart: Tensor, codes: Tensor, owners: Tensor, sharpness: Tensor) -> Tensor:
    """Return the cross-entropy of the classes' probabilities.

    They are the softmax of the negative distances to each class's nearest prototype, times a sharpness.
    """
    count = int(owners.max()) + 1
    nearest = [apart[:, owners == code].min(1).values for code in range(count)]
    return torch.nn.functional.cross_entropy(-sharpness * torch.stack(nearest, 1), codes)


class Learner:
    """Prototypes that learn, a batch at a time.

    Rows and prototypes are on one scale, on which prototypes stay in 0-1: what a step takes beyond is cut
    off after it. Steps are Adam's, and become shorter from epoch to epoch, to 0 after the last (a cosine).
    """

    def __init__(
        self,
        prototypes: NDArray[Any],
        owners: NDArray[np.intp],
        *,
        metric: str,
        loss: Literal["glvq", "cross-entropy"],
        rate: float,
        epochs: int,
    ) -> None:
        self._prototypes = torch.tensor(prototypes, dtype=torch.float32, requires_grad=True)
        self._owners = torch.tensor(owners, dtype=torch.int64)
        self._metric = metric
        # Its logarithm is learned, so that it stays above 0; sharpen() sets where it starts.
        self._log_sharpness = torch.zeros((), requires_grad=True)
        groups: list[dict[str, Any]] = [{"params": [self._prototypes], "lr": rate}]
        self._is_glvq = loss == "glvq"
        if not self._is_glvq:
            groups.append({"params": [self._log_sharpness], "lr": _SHARPNESS_RATE})
        self._steps = torch.optim.Adam(groups)
        self._slower = torch.optim.lr_scheduler.CosineAnnealingLR(self._steps, epochs)

    @property
    def prototypes(self) -> NDArray[np.float64]:
        """The prototypes as they are now, copied."""
        copied: NDArray[np.float64] = self._prototypes.detach().numpy().astype(np.float64)
        return copied

    def sharpen(self, rows: NDArray[np.float32], codes: NDArray[np.intp]) -> None:
        """Let cross-entropy start where the typical difference of two distances is 1."""
        with torch.no_grad():
            apart = distances(torch.from_numpy(rows), self._prototypes, self._metric)
            own, other = nearest_two(apart, torch.from_numpy(codes), self._owners)
            typical = float((own - other).abs().mean())
            self._log_sharpness.fill_(-np.log(typical) if typical > 0 else 0.0)

    def loss(self, rows: NDArray[np.float32], codes: NDArray[np.intp]) -> float:
        """Return the mean loss of rows, from which nothing is learned."""
        with torch.no_grad():
            return float(self._loss(rows, codes))

    def step(self, rows: NDArray[np.float32], codes: NDArray[np.intp]) -> float:
        """Learn from a batch, and return its mean loss before that."""
        loss = self._loss(rows, codes)
        self._steps.zero_grad()
        loss.backward()
        self._steps.step()
        with torch.no_grad():
            self._prototypes.clamp_(0, 1)
        return float(loss.detach())

    def slow_down(self) -> None:
        """Make steps shorter, after an epoch."""
        self._slower.step()

    def _loss(self, rows: NDArray[np.float32], codes: NDArray[np.intp]) -> Tensor:
        """Return the mean loss of rows."""
        apart = distances(torch.from_numpy(rows), self._prototypes, self._metric)
        known = torch.from_numpy(codes.astype(np.int64))
        if self._is_glvq:
            return glvq(apart, known, self._owners)
        return cross_entropy(apart, known, self._owners, self._log_sharpness.exp())
