"""Weights of a sum of terms: by examples that are left out, drawn towards a prior where these are few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.search.matcher import Codes

Floats = NDArray[np.float64]

#: By how much logarithms of weights may differ from the prior's.
_MOST = 4.0


def fitted_weights(costs: Floats, codes: Codes, prior: Floats, penalty: float) -> Floats:
    r"""Return the weights of terms at which left-out examples are told best.

    They minimise

    .. math:: -\sum_i \log \frac{e^{-D_{i, y_i}}}{\sum_c e^{-D_{i c}}} + \lambda \sum_t (\log w_t - \log
    w^0_t)^2,
        \qquad D_{i c} = \sum_t w_t \, c_{t i c}

    within a factor :math:`e^4` of the prior :math:`w^0`, by L-BFGS.

    Parameters
    ----------
    costs : ndarray of shape (n_terms, n, n_classes), float64
        What each class costs each example by each term; infinite for a class that has no other image.
    codes : ndarray of shape (n,), intp
        The examples' classes.
    prior : ndarray of shape (n_terms,), float64
        Above 0.
    penalty : float
        How strongly they are drawn towards it, :math:`\lambda`.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.search.mixture.weights import fitted_weights
    >>> tells, noise = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> costs = np.stack([np.tile(tells, (9, 1)), np.tile(noise, (9, 1))])
    >>> weights = fitted_weights(costs, np.tile([0, 1], 9), np.ones(2), 0.3)
    >>> bool(weights[0] > 1 > weights[1])
    True
    """
    from scipy.optimize import minimize  # a model that is only asked needs no SciPy

    gone = np.isinf(costs).any(axis=0)
    finite = np.where(gone, 0, costs)
    rows, start = np.arange(len(codes)), np.log(prior)

    def loss(moved: Floats) -> tuple[float, Floats]:
        weights = np.exp(start + moved)
        sums = np.where(gone, np.inf, np.tensordot(weights, finite, 1))
        low = sums.min(axis=1, keepdims=True)
        shares = np.exp(low - sums)
        total = shares.sum(axis=1, keepdims=True)
        value = float((np.log(total[:, 0]) + sums[rows, codes] - low[:, 0]).sum() + penalty * moved @ moved)
        shares = -shares / total
        shares[rows, codes] += 1
        return value, weights * np.tensordot(finite, shares, 2) + 2 * penalty * moved

    found = minimize(
        loss, np.zeros(len(prior)), jac=True, method="L-BFGS-B", bounds=[(-_MOST, _MOST)] * len(prior)
    )
    return np.asarray(np.exp(start + found.x))
