"""The loss with its options, measured: what `--options` of the benchmarks shows."""
