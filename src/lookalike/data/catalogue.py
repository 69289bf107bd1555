"""The known sets: what they are called, where they are published, and by which hashes they are known."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.errors import UnknownNameError, unknown


@dataclass(frozen=True)
class PublishedFile:
    """One file of a known set."""

    name: str  # as it is published, and so is the size
    size: int
    unpacked_size: int
    sha256: str | None = None  # of the unpacked bytes: however the file is packed, its content is checked
    # Of the file as published, where nothing is published of its unpacked bytes.
    md5: str | None = None
    packed_sha256: str | None = None

    @property
    def most(self) -> int:
        """The most bytes that the file may have in any form: gzip adds a little to what it cannot pack."""
        return self.unpacked_size + 1024


@dataclass(frozen=True)
class KnownSet:
    """One data set that is known by name."""

    name: str  # what one types
    title: str
    images: str  # how many of which size, as people say it
    licence: str
    source: str  # who made it, and where it is published
    files: tuple[PublishedFile, ...] = ()
    mirrors: tuple[str, ...] = ()  # addresses that a file's name is added to, tried in this order
    derived_from: str | None = None  # the known set that it is made of
    folders: tuple[str, ...] = ()  # other names of its folder in LOOKALIKE_DATA
    notes: tuple[str, ...] = ()  # what a reader of a report should know


def _four_files(*published: tuple[int, str, str]) -> tuple[PublishedFile, ...]:
    """Return the files of MNIST and its successors: of each the size, the kind of hash and the hash."""
    four = (
        ("train-images-idx3-ubyte.gz", 47_040_016),
        ("train-labels-idx1-ubyte.gz", 60_008),
        ("t10k-images-idx3-ubyte.gz", 7_840_016),
        ("t10k-labels-idx1-ubyte.gz", 10_008),
    )
    return tuple(
        PublishedFile(name, size, unpacked, **{kind: digest})
        for (name, unpacked), (size, kind, digest) in zip(four, published, strict=True)
    )


_DIGITS = KnownSet(
    name="digits",
    title="Handwritten digits, 8 x 8",
    images="1,797 of 8 x 8",
    licence="CC BY 4.0",
    source="Alpaydin, Kaynak: Optical Recognition of Handwritten Digits (UCI); ships with scikit-learn",
)

_MNIST = KnownSet(
    name="mnist",
    title="MNIST handwritten digits",
    images="70,000 of 28 x 28",
    licence="CC BY-SA 3.0",
    source="LeCun, Cortes, Burges: The MNIST database of handwritten digits",
    files=_four_files(
        (9_912_422, "sha256", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (28_881, "sha256", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (1_648_877, "sha256", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        (4_542, "sha256", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

_MNIST_SAMPLE = KnownSet(
    name="mnist-sample",
    title="MNIST's 3s and 7s (fast.ai's MNIST_SAMPLE)",
    images="14,434 of 28 x 28",
    licence=_MNIST.licence,
    source=_MNIST.source,
    derived_from="mnist",
)

_FASHION_MNIST = KnownSet(
    name="fashion-mnist",
    title="Fashion-MNIST, pictures of clothes",
    images="70,000 of 28 x 28",
    licence="MIT",
    source="Xiao, Rasul, Vollgraf (Zalando Research): https://github.com/zalandoresearch/fashion-mnist",
    files=_four_files(
        (26_421_880, "md5", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        (29_515, "sha256", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        (4_422_102, "md5", "bef4ecab320f06d8554ea6380940ec79"),
        (5_148, "sha256", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    notes=(
        "The classes are 0 T-shirt/top, 1 Trouser, 2 Pullover, 3 Dress, 4 Coat, 5 Sandal, 6 Shirt, "
        "7 Sneaker, 8 Bag, 9 Ankle boot.",
    ),
)

_KMNIST = KnownSet(
    name="kmnist",
    title="Kuzushiji-MNIST, cursive Japanese",
    images="70,000 of 28 x 28",
    licence="CC BY-SA 4.0",
    source=(
        "KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others), "
        "doi:10.20676/00000341: https://github.com/rois-codh/kmnist"
    ),
    files=_four_files(
        (18_165_135, "packed_sha256", "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29_497, "packed_sha256", "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3_041_136, "packed_sha256", "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5_120, "packed_sha256", "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
    mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    notes=("The classes are 0 o, 1 ki, 2 su, 3 tsu, 4 na, 5 ha, 6 ma, 7 ya, 8 re, 9 wo.",),
)

_OMNIGLOT_SMALL = KnownSet(
    name="omniglot-small",
    title="Omniglot, the small background sets",
    images="4,840 of 105 x 105",
    licence="MIT",
    source="Lake, Salakhutdinov, Tenenbaum: https://github.com/brendenlake/omniglot",
    files=(
        PublishedFile(
            "images_background_small1.zip",
            1_319_022,
            1_319_022,
            sha256="f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
        ),
        PublishedFile(
            "images_background_small2.zip",
            1_580_917,
            1_580_917,
            sha256="3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
        ),
    ),
    mirrors=("https://raw.githubusercontent.com/brendenlake/omniglot/master/python/",),
    folders=("omniglot",),
)

KNOWN: tuple[KnownSet, ...] = (
    _DIGITS,
    _MNIST,
    _MNIST_SAMPLE,
    _FASHION_MNIST,
    _KMNIST,
    _OMNIGLOT_SMALL,
)


def names() -> list[str]:
    """Return the names of all known sets."""
    return [known.name for known in KNOWN]


def known_set(name: str) -> KnownSet:
    """Return the known set of that name, or refuse with the nearest ones."""
    for known in KNOWN:
        if known.name == name:
            return known
    raise UnknownNameError(unknown("data set", name, names()))
