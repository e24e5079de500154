"""What is made of texts is made once, and is forgotten where others need its room."""

from schema.texts import OfTexts


def test_the_same_is_made_once_for_each_who_asks() -> None:
    texts: OfTexts[object] = OfTexts(100)
    one = texts.get("a", 1, object)
    assert texts.get("a", 1, object) is one
    assert texts.get("a", 2, object) is not one
    assert texts.get("b", 1, object) is not one


def test_who_was_asked_for_longest_ago_makes_room() -> None:
    texts: OfTexts[object] = OfTexts(100)
    made = {n: texts.get(f"{n:010}", None, object) for n in range(10)}
    assert texts.get(f"{0:010}", None, object) is made[0]
    texts.get("one more", None, object)
    assert texts.get(f"{0:010}", None, object) is made[0]
    assert texts.get(f"{2:010}", None, object) is made[2]
    assert texts.get(f"{1:010}", None, object) is not made[1]


def test_what_is_long_is_not_kept() -> None:
    texts: OfTexts[object] = OfTexts(100)
    kept = texts.get("short", None, object)
    long = "x" * 11
    assert texts.get(long, None, object) is not texts.get(long, None, object)
    assert texts.get("short", None, object) is kept


def test_what_could_not_be_made_is_tried_again() -> None:
    texts: OfTexts[int] = OfTexts(100)

    def fail() -> int:
        raise ValueError

    for _ in range(2):
        try:
            texts.get("a", None, fail)
        except ValueError:
            continue
        raise AssertionError
    assert texts.get("a", None, lambda: 7) == 7
