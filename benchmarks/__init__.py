"""Measures Rolecall against a reference of the same run on the same machine, so that the ratios hold anywhere.

A benchmark is a module ``bench_<name>.py`` with ``run() -> list[Result]``; ``python -m benchmarks`` runs them all.
"""
