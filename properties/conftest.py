"""The problems that ever found a fault are judged before anything is drawn."""


def pytest_collection_modifyitems(items) -> None:
    items.sort(key=lambda item: item.path.name != "test_corpus.py")  # all others stay in their order
