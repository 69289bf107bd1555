"""One page that needs no server: the model, and all that answers by it in a browser, in one file of HTML.

The page's modules become one script, style sheets one style, and the model is compressed and written in
base64. A policy in the page's head names the hash of the script and of the style: a browser runs nothing
else, and asks for nothing from anywhere. ``static/engine`` answers as Python does; weights that follow from
exponentials go along as numbers where all depends on their last bits, in which browsers differ.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation import definition
from lookalike.errors import InputError
from lookalike.files import write_whole
from lookalike.images import sizes
from lookalike.models.deformable import DeformableMatch
from lookalike.prepare import Resize
from lookalike.prepare.steps import run_all
from lookalike.progress import Progress, silent
from lookalike.recognition.recogniser import Recogniser
from lookalike.search.averages import MeanMatcher
from lookalike.search.deformable.matcher import DeformableMatcher
from lookalike.search.pixels import PixelMatcher
from lookalike.show.pages import SHARED
from lookalike.state import to_plain
from lookalike.store.about import idea_of
from lookalike.text import plain
from lookalike.web.ink import ink_of
from lookalike.web.service import EMPTY_SHAPE, FOR_FEW
from lookalike.web.snapshot import Snapshot

#: No page is larger: it has to be sent to telephones, and opened there.
MOST_BYTES = 32 << 20
STATIC = Path(__file__).with_name("static")
#: What the page asks for answers, with a server and without one.
_WITH_SERVER, _WITHOUT = "remote.js", "offline.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) ([A-Za-z_$][\w$]*)", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:import|export)\b|\bimport\(", re.MULTILINE)

Arrays = dict[str, NDArray[Any]]


def export_page(model: Any, path: str | os.PathLike[str], *, progress: Progress = silent) -> Path:
    """Write a fitted model as one HTML page that answers, explains and learns without a server.

    The page answers as the model does: the same labels, the same distances, and probabilities that are the
    same to nine digits. Where the model keeps its images, other ideas may be asked as well: mean images,
    nearest images and deformable matching.

    What the page is taught is kept in the browser alone, where that keeps anything for files. Labels and
    distances are then those of a model that was taught the same; so are probabilities, but for images that
    are another one's copies a pixel further, or of a group, and of deformable matching with more than 1,000.
    A picture that is pasted is decoded by the browser: colours of files with a profile, and of JPEG, may be
    a level off what ``read_images`` reads.

    Parameters
    ----------
    model : estimator
        A fitted :class:`~lookalike.MeanImage`, :class:`~lookalike.NearestImages` or
        :class:`~lookalike.DeformableMatch`, of gray or RGB images of bytes.
    path : path-like
        Where; ``.html`` is the usual ending.
    progress : callable, optional
        Is told what is worked out.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    InputError
        The model is of another kind, or of other images, or the page would have more than 32 MiB.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile, lookalike
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = lookalike.export_page(model, f"{folder}/digits.html").read_text("utf-8")
    >>> page.startswith("<!doctype html>"), "<script src" in page
    (True, False)
    """
    path = Path(path)
    write_whole(path, page_of(model, path.stem, progress=progress).encode())
    return path


def page_of(model: Any, name: str, *, progress: Progress = silent) -> str:
    """Return the page of a fitted model, which is called so there; the name is untrusted text."""
    packed = base64.b64encode(gzip.compress(_bundle(model, name, progress), 9, mtime=0)).decode("ascii")
    page = _assembled(plain(name), packed)
    if len(page) > MOST_BYTES:
        raise InputError(
            f"the page would have {len(page):,} bytes, more than {MOST_BYTES:,}: export a model of fewer "
            "images (lookalike fit --limit), of smaller ones (--size), or of means (--idea mean-image-l2)"
        )
    return page


# The model.


def _bundle(model: Any, name: str, progress: Progress) -> bytes:
    """Return all that the page knows, as safetensors: a JSON text, and arrays that ideas may share."""
    from safetensors.numpy import save

    model = getattr(model, "model_", model)
    own = _checked(model)
    ideas = Snapshot(own, idea_of(model).name)
    arrays: Arrays = {}
    told = []
    for place, (short, title) in enumerate(ideas.ideas):
        progress("exporting", place, len(ideas.ideas))
        told.append({"name": short, "title": title, **_described(ideas.by(short), arrays)})
    progress("exporting", len(told), len(told))
    about = {
        "name": plain(name),
        "ink": ink_of(own)._asdict(),
        "ideas": told,
        "empty": _described(_empty(), arrays),
    }
    text = json.dumps(about, sort_keys=True, allow_nan=False)
    return bytes(save(arrays, metadata={"lookalike": text}))


def _checked(model: Any) -> Recogniser:
    """Return what answers in a model, refusing what the page cannot do."""
    known = idea_of(model)
    own: Recogniser | None = getattr(model, "recogniser_", None)
    if own is None:
        raise InputError(f"{type(model).__name__} is not fitted: fit it before it is exported")
    matcher = own.matcher
    if type(matcher) not in (MeanMatcher, PixelMatcher, DeformableMatcher):
        raise InputError(
            f"a page cannot answer by {known.title}: expected a model of mean images, nearest images or "
            "deformable matching (lookalike fit --idea mean-image-l2, nearest-l1 or deformable)"
        )
    shape = own.image_shape
    if shape is None or shape[2:] not in ((), (3,)):
        what = "rows of numbers" if shape is None else f"images of {sizes(shape)}"
        raise InputError(f"the model is of {what}: expected gray or RGB images, for people draw on the page")
    some = matcher.kept(np.zeros(1, np.intp)) if own.reservoir is None else own.reservoir.images
    if some is None or some.dtype != np.uint8 or getattr(matcher, "metric", "l1") not in ("l1", "l2"):
        raise InputError(
            "the model compares floats, or by a metric of your own: expected images of bytes, L1 or L2"
        )
    return own


def _empty() -> Recogniser:
    """Return what answers in a model that begins empty: it knows one image, which the page leaves out."""
    found: Recogniser = (
        DeformableMatch(**FOR_FEW).fit(np.zeros((1, *EMPTY_SHAPE), np.uint8), ["?"]).recogniser_
    )
    return found


def _described(recogniser: Recogniser, arrays: Arrays) -> dict[str, Any]:
    """Return what JSON holds of a recogniser; its arrays are added to those of others, equal ones once."""
    matcher: Any = recogniser.matcher
    if _is_mutual(matcher) and not matcher.remembered()[0][1].size:
        # What is remembered of pairs is not in files, and in a browser takes ten times as long to measure.
        recogniser.recalibrate()
    # What was left out is part of the state once it was asked for.
    recogniser.left_out()
    state = to_plain(recogniser)
    facts, own = state.facts, {**state.arrays, **_more_arrays(recogniser)}
    some = matcher.kept(np.zeros(1, np.intp))
    facts["seen_shape"] = list(() if some is None else some.shape[1:])
    facts["calibration"] = recogniser.calibration()._asdict()
    _say_which_side_first(recogniser, facts["prepare"])
    names = {}
    for name, array in own.items():
        whole = np.ascontiguousarray(array)
        digest = hashlib.sha256(whole.tobytes())
        digest.update(f"{whole.dtype.str} {whole.shape}".encode())
        names[name] = digest.hexdigest()[:24]
        arrays[names[name]] = whole
    return {"facts": facts, "arrays": names}


def _say_which_side_first(recogniser: Recogniser, chain: Any) -> None:
    """Add to each step that resizes which side is scaled first: Pillow's releases differ in that."""
    if recogniser.prepare is None:
        return
    noise = np.random.default_rng(0).integers(0, 256, (4, *(recogniser.image_shape or ())), np.uint8)
    for step, told in zip(recogniser.prepare.steps_, chain["steps"], strict=True):
        made = run_all([step], noise)
        if isinstance(step, Resize):
            both = [Resize(step.height, noise.shape[2]), Resize(step.height, step.width)]
            told["down_first"] = bool((run_all(both, noise) == made).all())
        noise = made


def _more_arrays(recogniser: Recogniser) -> Arrays:
    """Return what the page needs besides: what takes long to measure, and what no browser rounds alike."""
    matcher: Any = recogniser.matcher
    arrays: Arrays = {} if recogniser.ids is None else {"judged": recogniser.judged()}
    if _is_mutual(matcher):
        arrays.update(_tables(*matcher.images.shape[1:3]))
        for name, (pairs, sums) in zip(("plain", "rest"), matcher.remembered(), strict=True):
            arrays[f"pairs.{name}.places"], arrays[f"pairs.{name}.sums"] = pairs, sums
    return arrays


def _is_mutual(matcher: Any) -> bool:
    """Return whether the distance of two images depends on others."""
    comparison = getattr(matcher, "comparison", None)
    return comparison is not None and (comparison.aligned or comparison.hubness)


def _tables(height: int, width: int) -> Arrays:
    """Return the weights of an alignment, and the decays of its steps."""
    turns = np.arange(1, sum(definition.TURNS) + 1)
    bells = {
        name: np.stack([definition.bell_weights(size, sigma) for sigma in definition.SIGMAS])
        for name, size in (("tables.bells_down", height), ("tables.bells_across", width))
    }
    return {
        **bells,
        "tables.splines_down": definition.spline_weights(height),
        "tables.splines_across": definition.spline_weights(width),
        "tables.decays": np.stack([1 - 0.9**turns, 1 - 0.999**turns]),
    }


# The page.


def _assembled(title: str, packed: str) -> str:
    """Return the page: the service's own, with everything in it."""
    page = (STATIC / "index.html").read_text("utf-8")
    style = "".join(_read(name) for name in re.findall(r'<link rel="stylesheet" href="([\w./-]+)"', page))
    script = _script(re.findall(r'<script type="module" src="([\w./-]+)"', page)[0])
    policy = (
        f"default-src 'none'; script-src {_hashed(script)}; style-src {_hashed(style)}; img-src data: blob:; "
        "media-src blob: mediastream:; base-uri 'none'; form-action 'none'"
    )
    page = re.sub(r'\s*<(?:link rel="(?:stylesheet|icon)"|meta http-equiv)[^>]*>', "", page)
    page = re.sub(r'\s*<script type="module"[^>]*></script>', "", page)
    page = re.sub(r"<title>.*?</title>", lambda _: f"<title>{html.escape(title)}</title>", page)
    # The policy comes first: it is for what follows it.
    head = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
    )
    model = f'<script type="text/plain" id="lookalike-model">{packed}</script>\n'
    page = page.replace("<head>", f"<head>\n{head}", 1).replace(
        "</head>", f"<style>{style}</style>\n</head>", 1
    )
    return page.replace("</body>", f'{model}<script type="module">{script}</script>\n</body>', 1)


def _hashed(text: str) -> str:
    """Return the source that stands for a text in a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    own = STATIC / name
    return (own if own.is_file() else SHARED / name).read_text("utf-8")


def _script(entry: str) -> str:
    """Return a module and all that it imports as one module: each a block, after those that it needs."""
    parts: list[str] = []
    names: dict[str, str | None] = {}
    _add_module(entry, names, parts)
    # What ends an element or begins a comment in HTML may stand in no script.
    return "\n".join(parts).replace("</", "<\\/").replace("<!--", "<\\!--")


def _add_module(path: str, names: dict[str, str | None], parts: list[str]) -> str:
    """Add a module behind those that it imports, and return what it is called in the script."""
    if path in names:
        found = names[path]
        if found is None:
            raise InputError(f"modules of the page import each other in a circle, {path} among them")
        return found
    names[path] = None
    text = _read(path)
    folder = Path(path).parent

    def required(match: re.Match[str]) -> str:
        wanted = match[2].replace(_WITH_SERVER, _WITHOUT)
        other = _add_module(os.path.normpath(folder / wanted).replace(os.sep, "/"), names, parts)
        return f"const {{{match[1].replace(' as ', ': ')}}} = {other};\n"

    text = _IMPORT.sub(required, text)
    exported = [match[2] for match in _EXPORT.finditer(text)]
    text = _EXPORT.sub(r"\1 \2", text)
    if _LEFT.search(text):
        raise InputError(f"{path} imports or exports in a way that cannot be put into one page")
    name = f"module{len(parts)}"
    parts.append(f"const {name} = {{}};\n{{\n{text}Object.assign({name}, {{ {', '.join(exported)} }});\n}}")
    names[path] = name
    return name
