"""The parts of the page as data: the figures that the templates draw."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError
from lookalike.evaluation.results import PairTest
from lookalike.evaluation.statistics import Estimate, Rate
from lookalike.show.report.answers import answers
from lookalike.show.report.comparison import chance_level, classes, facts, overview, pairs
from lookalike.show.report.examples import differences, examples, find
from lookalike.show.report.prototypes import ideals, prototypes
from lookalike.show.views import best_row


def number(text):
    return float(text.replace("−", "-").replace("\u202f%", "").replace(",", ""))


def pixels(picture):
    with Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1])), formats=("PNG",)) as image:
        return np.asarray(image)


def with_rates(comparison, hits, n=100):
    """Return a comparison whose first ideas were right so often."""
    rows = []
    for row, right in zip(comparison.rows, hits, strict=False):
        rate = Rate(right, n, max(0, right / n - 0.05), min(1, right / n + 0.05))
        macro = Estimate(rate.value, rate.low, rate.high)
        rows.append(replace(row, evaluation=replace(row.evaluation, accuracy=rate, macro=macro)))
    return replace(comparison, rows=tuple(rows), pairs=())


def pair(comparison, first, second, p, only=(9, 1)):
    names = [row.name for row in comparison.rows]
    return PairTest(names[first], names[second], *only, p, p)


def test_the_table_has_the_figures_in_the_given_order(comparison):
    lines = overview(comparison).lines
    assert [line.title for line in lines] == [row.title for row in comparison.rows]
    for line, row in zip(lines, comparison.rows, strict=True):
        if row.evaluation is None:
            assert row.error.split()[0] in line.error
            continue
        rate, hits, _ = line.cells["accuracy"]
        assert number(rate) == pytest.approx(100 * row.evaluation.accuracy.value, abs=0.05)
        assert hits == f"{row.evaluation.accuracy.hits:,} of 359"
        macro = number(line.cells["mean_of_classes"].main)
        assert macro == pytest.approx(100 * row.evaluation.macro.value, abs=0.05)


def test_marks_lie_on_one_axis(comparison):
    head = overview(comparison)
    for line, row in zip(head.lines, comparison.rows, strict=True):
        if row.evaluation is not None:
            rate = row.evaluation.accuracy
            for place, value in (
                (line.mark.low, rate.low),
                (line.mark.value, rate.value),
                (line.mark.high, rate.high),
            ):
                assert head.axis.low + place / 100 * (1 - head.axis.low) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize(
    ("hits", "first", "labels"),
    [
        ([3, 99], "0", ["0", "20", "40", "60", "80", "100"]),
        ([62, 99], "50", ["50", "60", "70", "80", "90", "100"]),
        ([74, 99], "60", ["60", "70", "80", "90", "100"]),
        ([97, 99], "92", ["92", "94", "96", "98", "100"]),
        ([0, 100], "0", ["0", "20", "40", "60", "80", "100"]),
    ],
)
def test_the_axis_holds_every_interval(two_classes, hits, first, labels, monkeypatch):
    monkeypatch.setattr("lookalike.show.report.comparison.chance_level", lambda *_: max(hits[0] / 100, 0))
    head = overview(with_rates(two_classes, hits))
    assert [label for _, label in head.axis.ticks] == labels
    assert head.axis.ticks[0] == (0, first)
    assert head.axis.ticks[-1] == (100, "100")
    assert all(0 <= line.mark.low <= line.mark.value <= line.mark.high <= 100 for line in head.lines)


def test_chance_is_the_training_parts_most_frequent_class(labelled):
    train = labelled((2, 2), ["a", "b"], n=10).take([0, 1, 3, 5])  # one a, three b
    valid = labelled((2, 2), ["a", "b"], n=10, part="valid").take([0, 2, 4, 5])  # three a, one b
    assert chance_level(train, valid) == 0.25


def test_the_best_is_the_first_of_equals(two_classes):
    tied = with_rates(two_classes, [90, 90])
    assert best_row(tied.rows) is tied.rows[0]
    references = [replace(tied.rows[0], origin="reference"), tied.rows[1]]
    assert best_row(references, references=False) is tied.rows[1]
    assert best_row([]) is None


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.001, "The difference is larger than chance explains"), (0.31, "cannot tell the best idea from")],
)
def test_the_reading_of_two_ideas(two_classes, p, expected):
    compared = with_rates(two_classes, [80, 90])
    reading = " ".join(overview(replace(compared, pairs=(pair(compared, 0, 1, p),))).reading)
    assert expected in reading
    assert f"“{compared.rows[1].title}”: 90.0\u202f% of 100 images" in reading


def test_the_reading_counts_the_differences_and_names_the_rivals(comparison):
    compared = with_rates(comparison, [10, 20, 30])
    tests = (pair(compared, 0, 1, 0.2), pair(compared, 0, 2, 0.001), pair(compared, 1, 2, 0.05))
    reading = " ".join(overview(replace(compared, pairs=tests)).reading)
    assert "1 of 3 differences" in reading
    assert f"from “{compared.rows[1].title}” (p\u202f=\u202f0.05)" in reading  # 0.05 is not below 0.05
    assert compared.rows[0].title not in reading


def test_the_reading_names_the_best_that_is_no_reference(comparison):
    reading = " ".join(overview(comparison).reading)
    assert "“nearest image”" in reading
    assert "outside reference" in reading
    ours = best_row(comparison.rows, references=False)
    assert f"The best of the others was “{ours.title}”" in reading
    assert reading.endswith("failed; the table says why.")


def test_verdicts_are_seen_from_the_row(two_classes):
    tests = (pair(two_classes, 0, 1, 0.01, only=(1, 30)),)
    matrix = pairs(replace(two_classes, pairs=tests)).matrix
    assert [[cell.verdict for cell in row.cells] for row in matrix] == [["same", "worse"], ["better", "same"]]


def test_a_p_value_at_the_level_is_not_real(two_classes):
    found = pairs(replace(two_classes, pairs=(pair(two_classes, 0, 1, 0.05),)))
    assert found.matrix[0].cells[1].verdict == "unclear"
    assert not found.lines[0][0]


def test_failed_ideas_have_no_column_and_keep_the_numbers_of_the_others(comparison):
    rows = (comparison.rows[-1], *comparison.rows[:-1])
    found = pairs(replace(comparison, rows=rows))
    assert [row.number for row in found.matrix] == [2, 3, 4, 5, 6, 7]
    assert classes(replace(comparison, rows=rows)).numbers == (2, 3, 4, 5, 6, 7)


def test_class_rates_are_those_of_the_evaluation(comparison):
    table = classes(comparison)
    for place, row in enumerate(row for row in comparison.rows if row.evaluation is not None):
        rates = [number(line[2 + place][0].main) for line in table.rows]
        assert rates == pytest.approx([100 * rate.value for rate in row.evaluation.per_class], abs=0.05)
    assert [int(line[1][0].main) for line in table.rows] == list(comparison.valid.counts().values())


def test_equal_class_images_are_shown_once(comparison):
    found = prototypes(comparison)
    assert [(one.average, len(one.rows)) for one in found] == [("mean", 2), ("median", 1)]
    shown = ideals(comparison)
    mean = np.rint(comparison.train.images[comparison.train.labels == 3].mean(axis=0))
    np.testing.assert_array_equal(pixels(shown[0].images[3].picture), mean)
    assert [one.n for one in shown[0].images] == [f"{n:,}" for n in comparison.train.counts().values()]


def test_a_class_without_images_yet_has_no_ideal(comparison, digits):
    train, _ = digits
    some = train.labels != 4
    model = lookalike.MeanImage().partial_fit(train.images[some], train.labels[some], classes=range(10))
    row = replace(comparison.rows[1], model=model)
    (one,) = prototypes(replace(comparison, rows=(row,)))
    assert one.classes.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_distances_of_a_chosen_image_are_those_of_plain_numpy(comparison):
    train = comparison.train
    index = 17
    found = differences(comparison, train.names[index])
    chosen = found.images[0]
    assert (chosen.name, chosen.part, chosen.answers) == (train.names[index], "training", ())
    image = train.images[index] / 255
    means = [(train.images[train.labels == label] / 255).mean(axis=0) for label in range(10)]
    for row, mean in zip(chosen.against, means, strict=True):
        gap = image - mean
        assert number(row.l1) == pytest.approx(np.abs(gap).mean(), abs=6e-5)
        assert number(row.l2) == pytest.approx(np.sqrt((gap**2).mean()), abs=6e-5)
        assert number(row.total) == pytest.approx(gap.mean(), abs=6e-5)
        # Rounded so that they add up.
        assert number(row.more) == pytest.approx(gap[gap > 0].sum() / gap.size, abs=1.01e-4)
        assert number(row.less) == pytest.approx(gap[gap < 0].sum() / gap.size, abs=1.01e-4)
        assert round(number(row.more) + number(row.less), 4) == number(row.total)
        opacity = pixels(row.signed)[..., 3] / 255
        np.testing.assert_allclose(opacity, np.abs(gap), atol=1 / 32)
    assert [row.name for row in chosen.against if row.truth] == [str(train.labels[index])]


def test_the_nearest_class_is_marked_for_each_metric(comparison):
    train, valid = comparison.train, comparison.valid
    means = np.stack([(train.images[train.labels == label] / 255).mean(axis=0) for label in range(10)])
    gaps = valid.images[:, None] / 255 - means
    first, second = np.abs(gaps).mean(axis=(2, 3)).argmin(axis=1), (gaps**2).mean(axis=(2, 3)).argmin(axis=1)
    index = int(np.flatnonzero(first != second)[0])
    against = differences(comparison, valid.names[index]).images[0].against
    assert [row.name for row in against if row.nearest_l1] == [str(first[index])]
    assert [row.name for row in against if row.nearest_l2] == [str(second[index])]


def test_the_signed_sum_always_chooses_the_class_with_most_ink(comparison):
    found = differences(comparison, None)
    smallest = {row.name for one in found.images for row in one.against if row.smallest}
    train = comparison.train
    ink = [train.images[train.labels == label].mean() for label in range(10)]
    assert smallest == {found.most_ink} == {str(np.argmax(ink))}


def test_right_and_wrong_answers_can_be_chosen(comparison):
    evaluation = comparison.rows[1].evaluation
    chosen = examples(evaluation)
    assert len(chosen) == len(set(chosen))
    right = [index for index in chosen if evaluation.labels[index] == evaluation.predictions[index]]
    assert evaluation.labels[right].tolist() == list(range(10))
    wrong = chosen[len(right) :]
    assert 1 <= len(wrong) <= 6
    assert set(wrong) <= set(evaluation.mistakes.tolist())


def test_few_classes_offer_several_images_each(two_classes):
    evaluation = two_classes.rows[0].evaluation
    chosen = examples(evaluation)
    right = evaluation.labels[chosen] == evaluation.predictions[chosen]
    assert (right.sum(), (~right).sum()) == (4, 6)
    assert evaluation.labels[chosen][:4].tolist() == [3, 3, 7, 7]


def test_a_chosen_image_comes_first_and_once(comparison):
    usual = [one.name for one in differences(comparison, None).images]
    again = [one.name for one in differences(comparison, usual[3]).images]
    assert again[0] == usual[3]
    assert sorted(again) == sorted(usual)


def test_names_are_looked_for_in_the_validation_part_first(comparison):
    both = replace(
        comparison, train=replace(comparison.train, names=tuple(map(str, range(len(comparison.train)))))
    )
    name = both.valid.names[5]
    assert find(both.train, both.valid, name) == ("valid", 5)
    with pytest.raises(InputError, match=r"no image is called '3/x\.png': the nearest names are "):
        find(both.train, both.valid, "3/x.png")


def test_the_nearest_names_are_harmless(hostile):
    with pytest.raises(InputError, match="nearest names") as caught:
        find(hostile.train, hostile.valid, "\x1b[31m")
    assert "\x1b" not in str(caught.value)


def test_cells_hold_the_first_images_of_that_class_and_answer(comparison):
    every = answers(comparison)
    assert every.per_cell == 12
    for idea, row in zip(every.ideas, (r for r in comparison.rows if r.evaluation), strict=True):
        matrix = [[cell.n for cell in line.cells] for line in idea.matrix]
        np.testing.assert_array_equal(matrix, row.evaluation.confusion)
        for cell in idea.cells:
            inside = [
                name
                for name, label, answer in zip(
                    comparison.valid.names, row.evaluation.labels, row.evaluation.predictions, strict=True
                )
                if (str(label), str(answer)) == (cell.truth, cell.answer)
            ]
            assert len(inside) == cell.n
            assert [thumb.name for thumb in cell.thumbs] == inside[:12]


def test_mistakes_of_mean_images_are_ordered_by_their_margin(comparison):
    row = comparison.rows[2]
    shown = answers(comparison).ideas[2]
    assert "misleading" in shown.order
    names = comparison.valid.names
    train = comparison.train
    means = [(train.images[train.labels == label] / 255).mean(axis=0) for label in range(10)]
    margins = []
    for thumb in shown.mistakes:
        index = names.index(thumb.name)
        gaps = [np.sqrt(((comparison.valid.images[index] / 255 - mean) ** 2).mean()) for mean in means]
        margins.append(gaps[int(thumb.truth)] - gaps[int(thumb.answer)])
    assert margins == sorted(margins, reverse=True)
    assert min(margins) > 0
    assert len(margins) == len(row.evaluation.mistakes)


def test_other_mistakes_are_in_the_order_of_the_images_and_capped(comparison):
    shown = answers(comparison).ideas[0]
    first = comparison.rows[0].evaluation.mistakes[:48]
    assert [thumb.name for thumb in shown.mistakes] == [comparison.valid.names[index] for index in first]
    assert shown.n_mistakes == len(comparison.rows[0].evaluation.mistakes) > 48


def test_the_best_idea_that_is_no_reference_is_open(comparison):
    opened = [idea.title for idea in answers(comparison).ideas if idea.open]
    assert opened == [best_row(comparison.rows, references=False).title]


def test_fewer_and_smaller_images_where_the_page_has_no_room(labelled, monkeypatch):
    train, valid = (labelled((80, 60, 3), ["a", "b"], part=part) for part in ("train", "valid"))
    compared = lookalike.compare(train, valid, ["mean-image-l1"])
    roomy = answers(compared)
    monkeypatch.setattr("lookalike.show.report.answers._BUDGET", 4000)
    tight = answers(compared)
    assert roomy.per_cell == 12
    assert tight.per_cell == 1
    sizes = [len(every.ideas[0].cells[0].thumbs[0].picture.uri) for every in (roomy, tight)]
    assert sizes[1] < sizes[0]


def test_notes_on_both_parts_are_told_once(comparison):
    told = replace(comparison.valid, source=replace(comparison.valid.source, notes=("both", "alone")))
    train = replace(comparison.train, source=replace(comparison.train.source, notes=("both",)))
    found = facts(replace(comparison, train=train, valid=told), "command")
    assert found.notes == ("both",)
    assert [part.notes for part in found.parts] == [(), ("alone",)]


def test_the_date_is_that_of_the_source_where_it_is_set(comparison, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert facts(comparison, "").date == "2001-09-09"


def test_the_books_image_has_the_books_distances(mnist_sample):
    compared = lookalike.compare(*mnist_sample, ["mean-image-l1", "mean-image-l2"])
    chosen = differences(compared, "3/10000.png").images[0]
    figures = {row.name: (row.l1, row.l2) for row in chosen.against}
    assert figures == {"3": ("0.1114", "0.2021"), "7": ("0.1586", "0.3021")}
