"""A rank that imports no framework, or what forks them, for tests of how processes end: python fake_ranks.py PLACE PATH…"""

import os
import sys
import time

import numpy as np

RANK = -1


def right(given, said, law):
    """Of one class of labels at logits of 0: what is judged is how it ends."""
    return {"loss0": np.array(np.log(said["classes"]))}


def wrong(given, said, law):
    """One that is told, of each rank another."""
    return {"loss0": np.array(7.0 + RANK)}


def later(given, said, law, calls=[0]):  # noqa: B006 - kept between calls
    calls[0] += 1
    return wrong(given, said, law) if calls[0] > 2 else declines(given, said, law)


def draws(given, said, law):
    return {"loss0": np.array(7.0 + np.random.random())}


def exits(given, said, law):
    print("the last that rank 1 says", file=sys.stderr, flush=True)
    return os._exit(3) if RANK == 1 else time.sleep(60)


def hangs(given, said, law):
    return time.sleep(60) if RANK == 1 else right(given, said, law)


def raises(given, said, law):
    if RANK == 0:
        time.sleep(0.05)
        raise ConnectionError("Connection closed by peer [127.0.0.1]")
    raise ValueError("of rank 1")


def rubbish(given, said, law):
    print("rubbish on standard output")
    os.write(WIRE[1], b"rubbish\n")
    time.sleep(60)


def shape(given, said, law):
    return {"loss0": np.zeros(3)} if RANK == 1 else right(given, said, law)


def declines(given, said, law):
    from gradcheck import NotPosed

    raise NotPosed("not of this size")


def alone_declines(given, said, law):
    return declines(given, said, law) if RANK == 1 else time.sleep(60)


def missing(word):
    from gradcheck import Unusable

    raise Unusable(f"there is no {word}")


WIRE = {}
if __name__ == "__main__":
    sys.path[:] = sys.argv[2:]
    from gradcheck.parallel import origin, rank

    origin._preload = lambda: None
    place = origin.place(sys.argv[1])
    RANK, dup = int(place[0]), os.dup

    def kept(number):
        return WIRE.setdefault(number, dup(number))

    os.dup = kept

    def begun(word):
        name = word.rpartition(":")[0 if word.endswith(":") else 2]
        return globals().get(name) or missing(name)

    rank.begun = begun
    rank.main(*place)
