"""Files that somebody broke on purpose, against everything that reads them: `python -m benchmarks.hostile`."""
