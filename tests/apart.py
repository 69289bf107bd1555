"""Fitted models taken apart into plain data, as files hold it, and put together again."""

from lookalike.recognition.recogniser import Recogniser
from lookalike.state import from_plain, to_plain


def taken_apart(model):
    """Return what a fitted model is made of."""
    return to_plain(model.recogniser_)


def put_together(model, plain):
    """Return a model with a model's parameters and the recogniser that plain data describe."""
    made = from_plain(Recogniser, plain, {"matcher": type(model.recogniser_.matcher)})
    return type(model)._of(made, model.get_params(deep=False))


def changed(plain, *, facts=None, matcher=None, arrays=None):
    """Return plain data with other facts, facts of the matcher, or arrays; what is None is taken out."""
    inner = {**plain.facts["matcher"], **(matcher or {})}
    new_facts = {**plain.facts, "matcher": inner, **(facts or {})}
    new_arrays = {**plain.arrays, **(arrays or {})}
    return plain._replace(
        facts=new_facts, arrays={name: value for name, value in new_arrays.items() if value is not None}
    )
