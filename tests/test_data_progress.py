"""The bar of long work: late enough not to be seen where the work is short."""

from kgan.data import progress as module


def test_a_bar_shows_after_five_seconds_and_is_removed(monkeypatch):
    asked = {}

    def bar(items, **options):
        asked.update(options)
        return items

    monkeypatch.setattr(module.tqdm_utils, "tqdm", bar)
    assert list(module.progress([1, 2], 2, "Reading d", "x2 images")) == [1, 2]
    assert asked == {
        "total": 2,
        "desc": "Reading d",
        "unit": "x2 images",
        "delay": 5,
        "leave": False,
    }
