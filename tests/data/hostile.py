"""Hostile tables, arrays and archives, made from a seed: each is small, and asks for more than it is."""

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np

from data.making import encoded, gray, idx

LONG = "x" * 255


def npy(header, body=b"", version=(1, 0), length=None):
    """Return the bytes of a member whose header says what it likes."""
    text = header.encode("latin-1") + b"\n"
    size = len(text) if length is None else length
    return (
        b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", size) + text + body
    )


def said(descr="'|u1'", shape="(2, 2, 2)", fortran="False"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members, mode="w:gz"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _table(rng, scale):
    """Return a table as text."""
    n = int(rng.integers(2, 10 * scale))
    pixels = ",".join(map(str, rng.integers(0, 256, 16)))
    return [
        "0," * int(rng.integers(1, 50_000 * scale)),
        "1,2\n" * int(rng.integers(1, 10_000 * scale)),
        "\n".join(f"{place},{pixels}" for place in range(20 * n)),
        "label," + ",".join(f"pixel{place}" for place in range(100 * n)) + "\n1" + ",7" * (100 * n),
        f"label,pixel0\n{LONG},1\n" + "a,1\n" * int(rng.integers(1, 10_000 * scale)),
        "emotion,pixels\n0,1 2 3 4\n1,1 2 3\n",
        "emotion,pixels\n0,1 2 3 4\n1,\n",
        "emotion,pixels,Usage\n0,1 2 3 4\n1,1 2 3 4,a,b\n",
        f"label,a0,a1,a2,a3\n1,{10 ** int(rng.integers(3, 4000))},0,0,0\n",
        "label,a0,a1,a2,a3\n1,1e999,nan,-inf,0x10\n",
        "label,a0,a1,a2,a3\n1,-1,256,1.5,.\n",
        "label,a0,a1,a2,a3\n1,\u0661,\uff12,\u00b3,0\n",
        'label,a0,a1,a2,a3\n"1,2,3,4,5\n6,7',
        '"' * int(rng.integers(1, 10_000)),
        "\r" * int(rng.integers(1, 10_000)) + "1,2,3,4,5",
        "label,a0,a1,a2,a3\n" + "1,2\n" + "1,2,3,4,5,6\n",
        "filename,label\n../../etc/passwd,1\n/etc/hostname,2\n",
        f"filename,label\n{'../' * n}a.png,1\nb.png,2\n",
        "#" * n + "\n" + "sep=;\n" * n,
        "0,0.1,0.2,0.3\n" * n,
        "1;2|3\t4,5\n" * n,
        "\ufeff\ufefflabel,a\n1,2\n",
        "label,label,a0,a1,a2,a3\n1,1,2,3,4,5\n",
        ",".join(str(place) for place in range(50 * n)) + "\n" + ",".join("0" for _ in range(50 * n)),
        "\n".join(f"{'ab'[place % 2]},{place % 256}" for place in range(n)),
    ]


def _arrays(rng, scale):
    """Return the members of an .npz."""
    labels = saved(np.zeros(2, np.int64))
    big = int(rng.integers(2, 2**40))
    headers = [
        said(shape=f"(0, {2**70})"),
        said(shape=f"({big}, 0, {2**62})"),
        said(shape="(True, 2, 4)"),
        said(shape="(2, -2, -2)"),
        said(shape=f"({big}, {big}, {big})"),
        said(shape="(2, (2, 2))"),
        said(shape="'abc'"),
        said(shape="(" * 3000 + ")" * 3000),
        said(shape="(" + "1," * 2000 + ")"),
        said(shape="()"),
        said(shape="(2.0, 2, 2)"),
        said("'|O'"),
        said("[('a', '<i4')]"),
        said("'|V8'", "(1,)"),
        said("'<M8[s]'", "(1,)"),
        said("'<U2'", "(1,)"),
        said("'<U0'", "(7,)"),
        said("'<f8'", "(1, 1, 1)"),
        said("'<c8'", "(1, 1, 1)"),
        said("('|u1', (2, 2))", "(2,)"),
        said("'x'"),
        "{",
        "__import__('os').system('true')",
        "[" * 9000,
        said() + " " * 70_000,
        said(fortran="'maybe'"),
    ]
    members = [npy(header[:65_000], bytes(8)) for header in headers]
    members += [npy(said(), bytes(8), version) for version in ((2, 0), (3, 0), (9, 9))]
    members += [npy(said(), bytes(8), length=int(rng.integers(0, 65_536))), b"", b"\x93NUMPY"]
    members += [saved(np.full((2, 3, 3), value)) for value in (np.nan, np.inf, 1e300, -1, True)]
    members += [saved(np.zeros((int(rng.integers(2, 10)), 1000 * scale, 1000), np.uint8))]
    made = [{"x.npy": member, "y.npy": labels} for member in members]
    made += [{"x.npy": saved(np.zeros((2, 2, 2), np.uint8)), "y.npy": member} for member in members[:12]]
    made += [{"x.npy": labels}, {"a.npy": labels}, {"x.npy": labels, "y.npy": labels}]
    return made


def _idx(rng):
    """Return IDX files, each of which lies."""
    lengths = [(2**32 - 1,) * 3, (0, 2**32 - 1, 2**32 - 1), (1, 1, 0), (2**20, 2**10, 1), (3, 2, 2)]
    files = [struct.pack(">HBB3I", 0, 8, 3, *three) + bytes(12) for three in lengths]
    files += [gzip.compress(files[3] + bytes(2**20)), gzip.compress(files[0])]
    return [*files, struct.pack(">HBB", 0, 8, int(rng.integers(0, 256))) + bytes(int(rng.integers(0, 40)))]


def _archives(rng, scale):
    """Return archives and the ending of each."""
    image = encoded(gray(int(rng.integers(0, 100)), (6, 6)))
    fine = {f"{name}/{place}.png": image for name in "ab" for place in range(3)}
    bomb = bytes(int(rng.integers(1, 3)) * scale * 2**20)
    made = [
        (zipped({**fine, "a/bomb.png": bomb}), ".zip"),
        (zipped({**fine, "../a.png": image}), ".zip"),
        (zipped({**fine, "a/" * 50 + "x.png": image}), ".zip"),
        (zipped({**fine, f"c/{'n' * 400}.png": image}), ".zip"),
        (zipped({"train.csv": bomb}), ".zip"),
        (zipped({"t-images-idx3-ubyte": bomb, "t-labels-idx1-ubyte": idx([1, 2])}), ".zip"),
        (tarred({**fine, "a/bomb.png": bomb}), ".tar.gz"),
        (tarred({**fine, "/a.png": image}, "w:"), ".tar"),
        (tarred(fine, "w:bz2"), ".tar.bz2"),
        (gzip.compress(tarred(fine)), ".tar.gz"),
        (zipped(fine), ".zip"),
        (tarred(fine, "w:"), ".tar"),
    ]
    return made


def hostile(seed, scale=1):
    """Return one of each kind: bytes and the ending of the file's name; bombs are so many times larger."""
    rng = np.random.default_rng(seed)

    def hurt(data):
        """Return the same with some bytes changed or cut off, every other time."""
        changed = bytearray(data)
        for _ in range(int(rng.integers(0, 4)) if rng.integers(2) else 0):
            if changed:
                changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
        return bytes(changed[: int(rng.integers(len(changed) + 1))] if rng.integers(8) == 0 else changed)

    texts, members, files, archives = (
        _table(rng, scale),
        _arrays(rng, scale),
        _idx(rng),
        _archives(rng, scale),
    )
    made = [(hurt(text.encode("utf-8")), ".csv") for text in texts]
    made += [(hurt(gzip.compress(text.encode(), 1)), ".csv.gz") for text in texts]
    made += [(text.encode("utf-16")[: int(rng.integers(3, 999))], ".csv") for text in texts[:5]]
    made += [(gzip.compress(b"0," * (int(rng.integers(1, 3)) * scale * 2**20)), ".csv.gz")]
    made += [(hurt(zipped(one)) if rng.integers(2) else zipped(one), ".npz") for one in members]
    made += [(data, "-images-idx3-ubyte") for data in files]
    made += [(hurt(data) if rng.integers(4) else data, ending) for data, ending in archives]
    made += [(rng.bytes(int(rng.integers(0, 5000))), ending) for ending in (".csv", ".npz", ".zip", ".tar")]
    return made
