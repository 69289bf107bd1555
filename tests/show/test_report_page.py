"""The page as HTML: sound, self-contained, harmless."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import lookalike
from lookalike.errors import InputError
from lookalike.show.report.comparison import render_comparison, write_report

VOID = {"meta", "link", "img", "input", "br", "hr"}
SVG_VOID = {"line", "circle", "polyline"}
COMMAND = "lookalike compare digits --report r.html"


class Page(HTMLParser):
    """A page's elements, refusing tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.texts = []
        self.open = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in SVG_VOID
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module", params=["comparison", "two_classes", "hostile"])
def page(request):
    return Page(render_comparison(request.getfixturevalue(request.param), command=COMMAND))


def test_ids_are_unique_and_every_reference_resolves(page):
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = [a["href"][1:] for a in page.all("a")] + [label["for"] for label in page.all("label")]
    for _, attributes, _ in page.elements:
        used += [attributes[name] for name in ("aria-labelledby", "popovertarget") if name in attributes]
    assert set(used) <= set(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", one) for one in ids)


def test_nothing_is_loaded_and_nothing_runs(page):
    for tag, attributes, _ in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form", "video", "audio"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "data", "action", "xlink:href"):
            assert re.match(r"data:image/png;base64,|data:,|#", attributes.get(name, "#"))
        assert "url(" not in attributes.get("style", "")
    policy = next(one for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_style_sheets_load_nothing():
    folder = Path(lookalike.__file__).parent / "show"
    sheets = [path.read_text(encoding="utf-8") for path in folder.rglob("*.css")]
    assert len(sheets) == 5
    assert not re.search(r"url\(|@import|expression|<", "".join(sheets))


def test_every_image_has_a_text_or_text_beside_it(page):
    for tag, attributes, parents in page.elements:
        if tag == "img":
            assert attributes["alt"] or {"label", "figure"} & set(parents)
            assert int(attributes["width"]) > 0
            assert int(attributes["height"]) > 0


def test_headings_are_in_order(page):
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_there_are_landmarks_and_scoped_headers(page):
    assert [len(page.all(tag)) for tag in ("main", "nav", "header", "footer", "h1")] == [1] * 5
    assert page.all("html")[0]["lang"] == "en"
    assert all("scope" in header for header in page.all("th"))
    assert page.all("a")[0]["class"] == "skip"


def test_hostile_text_is_shown_and_not_obeyed(hostile):
    text = render_comparison(hostile, command="lookalike compare '</code><script>x</script>\x1b'")
    seen = Page(text).text
    for shown in (
        r"[red]<b>\x1b[31m",
        "</script><script>alert(1)</script>",
        "\"'><img src=x onerror=alert(1)>",
        r"\n</pre>&amp;\udcff",
        "</style><b>",
        r"\u202e<i>",
        r"<i>no</i> \x1b[31m good",
        r"<u>mine</u>\x07",
        r"<s>warned</s>\x1b",
        r"{{ 7*7 }}\x9b",
        r"<b>knn</b>\x1b[2J",
        r"</code><script>x</script>\x1b",
    ):
        assert shown in seen
    assert not set(map(ord, text)) & ({*range(32)} - {10} | {*range(0x7F, 0xA0), 0x202E})
    assert "<title>&lt;/title&gt;" in text


def test_the_page_is_the_same_every_time(comparison, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    text = render_comparison(comparison, command=COMMAND)
    assert text == render_comparison(comparison, command=COMMAND)
    assert "1970-01-02" in text


def test_the_page_says_what_it_rests_on(comparison):
    text = Page(render_comparison(comparison, command=COMMAND)).text
    for fact in (comparison.train.sha256(), comparison.valid.sha256(), COMMAND, lookalike.__version__):
        assert fact in text
    assert all(note in text for note in comparison.train.source.notes)


@pytest.mark.parametrize(
    ("shape", "floats", "classes"),
    [
        ((8, 8), True, 2),
        ((5, 9, 3), False, 3),
        ((1, 1), False, 2),
        ((4, 4, 4), True, 2),
        ((90, 70, 3), False, 2),
    ],
    ids=["floats", "colour", "one pixel", "opacity", "large"],
)
def test_all_kinds_of_images(labelled, shape, floats, classes):
    names = [f"class {i}" for i in range(classes)]
    train, valid = (labelled(shape, names, floats=floats, part=part) for part in ("train", "valid"))
    page = Page(
        render_comparison(
            lookalike.compare(train, valid, ["mean-image-l1", "median-image-l1"]), command=COMMAND
        )
    )
    assert len(page.all("img")) > 3 * classes


def test_a_page_of_one_idea_and_no_class_images(labelled):
    train, valid = (labelled((3, 3), ["a", "b"], part=part) for part in ("train", "valid"))
    page = Page(render_comparison(lookalike.compare(train, valid, ["ink-coverage"]), command=COMMAND))
    assert {"pairs", "ideals", "difference"}.isdisjoint(one.get("id") for one in page.all("section"))


def test_a_page_where_every_idea_failed(labelled, comparison):
    train, valid = (labelled((3, 3), ["a", "b"], part=part) for part in ("train", "valid"))
    crashing = lookalike.feature(lambda images: 1 / 0)
    compared = lookalike.compare(train, valid, [("mine", crashing)])
    text = Page(render_comparison(compared, command=COMMAND)).text
    assert "No idea gave an answer: mine failed." in text
    assert "Failed:" in text


def test_a_class_without_images_to_measure_on(labelled):
    train, valid = (labelled((3, 3), ["1", "007", "9"], part=part) for part in ("train", "valid"))
    valid = valid.take([i for i, label in enumerate(valid.labels) if label != "9"])
    text = Page(render_comparison(lookalike.compare(train, valid, ["mean-image-l1"]), command=COMMAND)).text
    assert "Images of each class" in text


def test_more_classes_than_a_matrix_can_show(labelled):
    names = [f"sign {i}" for i in range(35)]
    train, valid = (
        labelled((4, 4), names, n=140, part=part, seed=i) for i, part in enumerate(("train", "valid"))
    )
    page = Page(render_comparison(lookalike.compare(train, valid, ["mean-image-l1"]), command=COMMAND))
    assert "most frequent confusions of 35 classes" in page.text
    assert not [table for table in page.all("table") if "confusion" in table.get("class", "")]


def test_writing_replaces_the_file_as_a_whole(comparison, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    path = tmp_path / "r.html"
    path.write_text("old")
    write_report(comparison, path, command=COMMAND)
    assert path.read_text(encoding="utf-8") == render_comparison(comparison, command=COMMAND)
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_nothing_and_touches_nothing(comparison, tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("old")
    with pytest.raises(InputError, match="no image is called 'nowhere'"):
        write_report(comparison, path, command=COMMAND, image="nowhere")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_report(comparison, path, command=COMMAND)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_os_error(comparison, tmp_path):
    with pytest.raises(FileNotFoundError):
        write_report(comparison, tmp_path / "no" / "r.html", command=COMMAND)


def test_mnist_stays_small(mnist, tmp_path):
    ideas = ["ink-coverage", "mean-image-l1", "mean-image-l2", "median-image-l1"]
    path = tmp_path / "mnist.html"
    write_report(lookalike.compare(*mnist, ideas), path, command=COMMAND)
    assert path.stat().st_size < 6_000_000


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _mixed(tint, alpha, base):
    numbers = [int(base[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = [round(alpha * t + (1 - alpha) * b) for t, b in zip(map(int, tint.split()), numbers, strict=True)]
    return "#" + "".join(f"{value:02x}" for value in mixed)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_contrast_is_at_least_wcag_aa(theme):
    folder = Path(lookalike.__file__).parent / "show" / "templates"
    roots = re.findall(r":root \{(.*?)\}", (folder / "style.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = {}
    for root in (roots[0], roots[theme]):
        colours |= dict(re.findall(r"--([a-z-]+): ([^;]+);", root))
    colours = {
        name: "#" + "".join(2 * c for c in value[1:]) if len(value) == 4 else value
        for name, value in colours.items()
    }
    texts = [
        (text, colours[base])
        for text in ("ink", "soft", "blue", "orange")
        for base in ("paper", "faint", "card")
    ]
    # The deepest shades: of the diagonal, of a cell of mistakes, of a verdict.
    for name, alpha, text in (
        ("blue-tint", 0.45, "ink"),
        ("orange-tint", 0.56, "ink"),
        ("blue-tint", 0.12, "blue"),
        ("orange-tint", 0.12, "orange"),
    ):
        texts.append((text, _mixed(colours[name], alpha, colours["paper"])))
    texts.append(("paper", colours["blue"]))
    ratios = {(text, base): _contrast(colours[text], base) for text, base in texts}
    assert not {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5}
