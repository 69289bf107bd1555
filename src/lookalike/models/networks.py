"""Trained networks to compare with: what training buys over looking at pixels, as the book's chapter has it.

Each is a plain torch module (``build``) behind scikit-learn's face. They are there as a reference and nothing
more: no early stopping, no augmentation, one way to train for all.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.images import as_images, to_unit
from lookalike.progress import Progress, silent
from lookalike.search.prototypes import need_torch, one_thread

if TYPE_CHECKING:
    from torch import Tensor, nn

_CHUNK = 1000


class Network(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A torch module that is trained by mini-batch gradient descent on the cross-entropy.

    A subclass says what the module is (``build``). One output a class goes into a softmax, which for two
    classes is the sigmoid of the difference of two outputs.

    Parameters
    ----------
    epochs : int
        How often all images are gone through.
    learning_rate : float
        What a gradient is multiplied by; it sinks to 0 over the epochs (a cosine).
    batch_size : int
        Images in a step.
    random_state : int, RandomState or None
        What the first weights and the order of images are drawn by.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    weights_ : dict of ndarray
        The module's state.
    """

    def __init__(
        self,
        epochs: int = 20,
        *,
        learning_rate: float = 0.1,
        batch_size: int = 64,
        random_state: Any = None,
    ) -> None:
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @abstractmethod
    def build(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """Return the untrained module, for images ``(n, channels, height, width)``."""

    def fit(self, X: ArrayLike, y: ArrayLike, *, progress: Progress = silent) -> Self:
        """Train on an image batch ``(n, h, w)`` or ``(n, h, w, c)`` and its labels."""
        need_torch(type(self).__name__)
        import torch

        images = as_images(X)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if codes.shape != (len(images),):
            raise InputError(f"{codes.size} labels for {len(images)} images: expected one for each")
        self.image_shape_ = images.shape[1:]
        random = check_random_state(self.random_state)
        # Weights are drawn by torch's global numbers, which are put back afterwards.
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(int(random.randint(2**31)))
            module = self._built()
            steps = torch.optim.SGD(module.parameters(), self.learning_rate, momentum=0.9)
            slower = torch.optim.lr_scheduler.CosineAnnealingLR(steps, self.epochs)
            for epoch in range(self.epochs):
                progress("training, epochs", epoch, self.epochs)
                for batch in np.array_split(
                    random.permutation(len(codes)), -(-len(codes) // self.batch_size)
                ):
                    found = module(_tensor(images[batch]))
                    loss = torch.nn.functional.cross_entropy(found, torch.from_numpy(codes[batch]))
                    steps.zero_grad()
                    loss.backward()
                    steps.step()
                slower.step()
        self.weights_ = {name: value.numpy().copy() for name, value in module.state_dict().items()}
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most likely class of each image; ties go to the first."""
        check_is_fitted(self)
        need_torch(type(self).__name__)
        import torch

        images = as_images(X)
        if images.shape[1:] != self.image_shape_:
            raise InputError(f"images have shape {images.shape[1:]}: expected {self.image_shape_}, as in fit")
        module = self._built()
        module.load_state_dict({name: torch.from_numpy(value) for name, value in self.weights_.items()})
        with torch.no_grad():
            parts = [
                module(_tensor(images[start : start + _CHUNK])).argmax(1).numpy()
                for start in range(0, len(images), _CHUNK)
            ]
        labels: NDArray[Any] = self.classes_[np.concatenate(parts)]
        return labels

    def _built(self) -> nn.Module:
        """Return a new module for the images and the classes that ``fit`` saw."""
        height, width, *channels = self.image_shape_
        return self.build(((channels or [1])[0], height, width), len(self.classes_))


def _tensor(images: NDArray[Any]) -> Tensor:
    """Return images as a tensor (n, channels, height, width) of float32 in 0-1."""
    import torch

    unit = to_unit(images, np.float32)
    return torch.from_numpy(
        unit[:, None] if unit.ndim == 3 else np.ascontiguousarray(np.moveaxis(unit, 3, 1))
    )


class LinearModel(Network):
    """A weight for each pixel and class, and a number for each class: what the chapter trains first."""

    def build(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """Return the untrained module."""
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), n_classes))


class SmallNetwork(Network):
    """Two linear layers with 30 units and a ReLU between them: what the chapter ends with."""

    def build(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """Return the untrained module."""
        from torch import nn

        return nn.Sequential(
            nn.Flatten(), nn.Linear(int(np.prod(shape)), 30), nn.ReLU(), nn.Linear(30, n_classes)
        )


class SmallConvNet(Network):
    """Two convolutions of 3x3 that each halve the image, with 8 and 16 channels, and a linear layer."""

    def build(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """Return the untrained module."""
        from torch import nn

        channels, height, width = shape
        return nn.Sequential(
            nn.Conv2d(channels, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * -(-height // 4) * -(-width // 4), n_classes),
        )
