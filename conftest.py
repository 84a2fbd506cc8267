"""Hypothesis profiles: quick (`-m quick`), dev, ci (default in CI), thorough (before a release)."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

# Workers share the cores: more threads of BLAS would wait for one another. The variable holds in every process that is started from
# here, the limit in this one, where a plugin may have imported NumPy before.
if "OMP_NUM_THREADS" not in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    threadpool_limits(1)

EXAMPLES = {"quick": 10, "dev": 20, "ci": 100, "thorough": 2000}  # seeds are fixed: docs/mutants.md is of quick

for profile, count in EXAMPLES.items():
    settings.register_profile(
        profile,
        max_examples=count,
        deadline=None,  # no verdict depends on the speed of a machine
        derandomize=True,  # a test that passed passes again; seeds are varied by `gradcheck verify --seed`
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )

ASKED = os.environ.get("HYPOTHESIS_PROFILE", "")
settings.load_profile(ASKED or ("ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    """Before any property is read."""
    if config.option.markexpr == "quick" and not ASKED:
        settings.load_profile("quick")


@pytest.hookimpl(optionalhook=True, hookwrapper=True)
def pytest_xdist_auto_num_workers() -> Iterator[None]:
    """`-n auto` is one worker more than there are cores: tests of processes wait for these. Where frameworks are
    judged, as in CI, each worker takes gigabytes, and there are as many as cores.
    """
    found = yield
    if not (os.environ.get("CI") or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")):
        found.force_result(found.get_result() + 1)  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker has all tests of a file: runs, truths and compiled functions that they share are made once, not by each worker."""
    if config.option.dist != "load":  # asked for
        return None
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)
