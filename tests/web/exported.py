"""Exported pages in a browser that has no network, and what Python answers to the same images."""

import base64
import warnings
from contextlib import contextmanager

import numpy as np

import lookalike
from lookalike.errors import LookalikeWarning
from lookalike.recognition.assessment import Assessment
from lookalike.store.about import idea_of
from lookalike.web.snapshot import LEVEL, Snapshot

#: Answers by the page to images that lie one after the other, as numbers and texts; and how long each took.
_ASK = """async ({ idea, text, width, height, channels }) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const size = width * height * channels;
  const answers = [];
  for (let start = 0; start < bytes.length; start += size) {
    const image = { width, height, channels, data: bytes.slice(start, start + size) };
    const before = performance.now();
    const found = await lookalike.answer(image, { idea });
    answers.push({ ...found, took: performance.now() - before });
  }
  return answers;
}"""


@contextmanager
def opened(browser, path, context=None):
    """Open a page, wait until it is ready, and fail on any request, message or error."""
    own = context or browser.new_context(offline=True)
    page, troubles = own.new_page(), []
    address = path.as_uri()
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))

    def requested(request):
        if request.url.split("#")[0] != address and not request.url.startswith(("data:", "blob:")):
            troubles.append(request.url)

    page.on("request", requested)
    page.goto(address)
    page.wait_for_function("globalThis.lookalike !== undefined", timeout=60_000)
    yield page
    page.close()
    if context is None:
        own.close()
    assert troubles == []


def asked(page, images, idea=None):
    """Return the page's answers to images."""
    height, width, channels = (*images.shape[1:], 1)[:3]
    text = base64.b64encode(np.ascontiguousarray(images).tobytes()).decode()
    told = {"idea": idea, "text": text, "width": width, "height": height, "channels": channels}
    return page.evaluate(_ASK, {name: value for name, value in told.items() if value is not None})


def plain(image):
    """Return an image as the page takes it."""
    height, width, channels = (*image.shape, 1)[:3]
    return {"width": width, "height": height, "channels": channels, "data": image.ravel().tolist()}


def ideas_of(model):
    """Return what answers by each idea that a page of the model offers."""
    ideas = Snapshot(model.recogniser_, idea_of(model).name)
    return {name: ideas.by(name) for name, _ in ideas.ideas}


def differences(told, model, idea, images):
    """Return in what the page's answers differ from Python's: nothing, where they are the same.

    By an idea of a model, or by a recogniser that is asked of what ``model``, another one, has prepared.
    """
    by, own = (ideas_of(model)[idea], model.recogniser_) if isinstance(idea, str) else (idea, model)
    seen = images if by is own else own.seen(images)
    with warnings.catch_warnings():
        # The page has nobody to warn of strange images: it says what it makes of them.
        warnings.simplefilter("ignore", LookalikeWarning)
        wanted = Assessment.of(by, seen, LEVEL, 1)
    codes = np.searchsorted(wanted.classes, wanted.labels)
    each = np.arange(len(codes))
    found = {
        "best": [one["best"] for one in told] != [str(label) for label in wanted.labels.tolist()],
        "distance": _numbers(told, "distance") != wanted.distances,
        "class distances": _of_classes(told, "distance") != wanted.class_distances,
        "probabilities": abs(_of_classes(told, "probability") - wanted.probabilities) > 1e-9,
        "rejected": [one["rejected"] for one in told] != wanted.rejected,
        "nothing": [one["nothing"] for one in told] != wanted.blank,
        "p-value": _numbers(told, "p_value") != np.nan_to_num(wanted.p_values[each, codes], nan=np.inf),
    }
    return [name for name, differs in found.items() if np.any(differs)]


def _numbers(told, name):
    return np.array([np.inf if one[name] is None else one[name] for one in told])


def _of_classes(told, name):
    return np.array([_numbers(one["probabilities"], name) for one in told])


def drawings(n, classes=3, seed=0, side=20):
    """Return few drawings of as many classes: bars, crosses and frames, each drawn a little otherwise."""
    random = np.random.default_rng(seed)
    images, codes = np.zeros((n, side, side), np.uint8), np.arange(n) % classes
    for image, code in zip(images, codes, strict=True):
        top, left = random.integers(2, 5, 2)
        bottom, right = random.integers(side - 5, side - 2, 2)
        middle = int(random.integers(side // 2 - 2, side // 2 + 2))
        if code != 1:
            image[top:bottom, middle : middle + 2] = 255
        if code > 0:
            image[middle : middle + 2, left:right] = 255
    # Without noise some would be copies of others, a pixel further.
    images = np.maximum(images, random.integers(0, 8, images.shape, np.uint8))
    return images, np.array(["bar", "dash", "cross"])[codes]


def few_drawings():
    """Return a model of few drawings, which are aligned, and drawings to ask of."""
    model = lookalike.DeformableMatch(prepare=None).fit(*drawings(12))
    return model, drawings(20, seed=1)[0]
