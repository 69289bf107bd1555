from lookalike.data.untrusted import listed, quoted


def test_names_are_shown_without_harm():
    assert quoted("a\x1b[31m.png") == r"'a\x1b[31m.png'"
    assert quoted("x" * 1000, 10) == "'xxxxx...'"
    assert listed("abc", most=2) == "'a', 'b' and 1 more"
    assert listed(range(7), most=7) == "'0', '1', '2', '3', '4', '5', '6'"
