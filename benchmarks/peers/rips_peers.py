#!/usr/bin/env python3
"""Ripser, giotto-ph and GUDHI on the windows that tda_rips_bench has just slid over, side by side.

The benchmark runs first and writes a few windows spread over its run; each peer that is installed then computes the H0
and H1 of the same points from scratch, with the distances counted in (all of them start from the points). Bars are
compared with each other before a time is believed. Peers that are not installed are skipped with a message:

    python3 -m venv DIRECTORY && DIRECTORY/bin/pip install ripser giotto-ph gudhi
    DIRECTORY/bin/python benchmarks/peers/rips_peers.py --bench build/b/tda_rips_bench

One JSON object per cloud on stdout, messages on stderr. Exit code 1 when diagrams differ.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time


def load_peers(threads, dimension=1):
    """The installed peers: name -> function from points (n x d array) to the (birth, death) bars of one dimension."""
    peers = {}
    try:
        from ripser import ripser

        peers["ripser"] = lambda points: ripser(points, maxdim=dimension)["dgms"][dimension]
    except ImportError:
        print("rips_peers: ripser is not installed, skipped (pip install ripser)", file=sys.stderr)
    try:
        from gph import ripser_parallel

        peers["giotto"] = lambda points: ripser_parallel(points, maxdim=dimension, n_threads=threads)["dgms"][
            dimension
        ]
    except ImportError:
        print("rips_peers: giotto-ph is not installed, skipped (pip install giotto-ph)", file=sys.stderr)
    try:
        import gudhi

        def by_gudhi(points):
            tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=1)
            tree.collapse_edges(nb_iterations=1)
            tree.expansion(dimension + 1)
            tree.compute_persistence(min_persistence=0)
            return tree.persistence_intervals_in_dimension(dimension)

        peers["gudhi"] = by_gudhi
    except ImportError:
        print("rips_peers: gudhi is not installed, skipped (pip install gudhi)", file=sys.stderr)
    return peers


def bars_of(diagram):
    """Finite bars of visible length, sorted: peers differ in the last bits of a float and in reporting empty bars."""
    return sorted((float(b), float(d)) for b, d in diagram if 1e-5 < d - b < float("inf"))


def same(a, b):
    return len(a) == len(b) and all(abs(x - y) < 1e-4 for p, q in zip(a, b) for x, y in zip(p, q))


def measure(name, compute, windows, reference):
    """Mean wall and processor milliseconds over the windows, and whether the bars equal the reference."""
    wall, cpu, agree = 0.0, 0.0, True
    for path, points in windows:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        diagram = compute(points)
        wall += time.perf_counter() - begin
        cpu += time.process_time() - cpu_begin
        bars = bars_of(diagram)
        expected = reference.setdefault(path, (name, bars))
        if not same(expected[1], bars):
            print(f"rips_peers: {name} and {expected[0]} differ on {path.name}", file=sys.stderr)
            agree = False
    return wall * 1e3 / len(windows), cpu * 1e3 / len(windows), agree


def read_windows(directory, numpy):
    """Windows of a directory (NAME.points), and the bars that belong to them (NAME.bars) as reference."""
    paths = sorted(pathlib.Path(directory).glob("*.points"))
    windows = [(path, numpy.loadtxt(path, ndmin=2)) for path in paths]
    reference = {}
    for path in paths:
        lines = path.with_suffix(".bars").read_text().split()
        bars = numpy.array(lines, dtype=float).reshape(-1, 2)
        reference[path] = ("streaming-tda", bars_of(bars))
    return windows, reference


def measure_all(peers, windows, reference):
    """{"ripserMs": ..., "ripserCpuMs": ...} of the peers, and whether all bars agree."""
    row, agree = {}, True
    for name, compute in peers.items():
        wall, cpu, equal = measure(name, compute, windows, reference)
        agree = agree and equal
        row[f"{name}Ms"] = round(wall, 3)
        # Processor time is the fairer figure on a machine that is shared, and with one thread.
        row[f"{name}CpuMs"] = round(cpu, 3)
    return row, agree


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--bench", help="the tda_rips_bench binary")
    source.add_argument("--windows-in", help="a directory of NAME.points and NAME.bars, measured as they are")
    parser.add_argument("--max-dimension", type=int, default=1, choices=[0, 1])
    parser.add_argument("--clouds", nargs="+", default=["uniform", "embedding", "circle"])
    parser.add_argument("--window", type=int, default=1000)
    parser.add_argument("--slides", type=int, default=1000)
    parser.add_argument("--dimension", type=int, default=3)
    parser.add_argument("--windows", type=int, default=3, help="windows the peers compute")
    parser.add_argument("--threads", type=int, default=1, help="for giotto-ph")
    parser.add_argument("--peers", nargs="+", help="only these: ripser giotto gudhi")
    arguments = parser.parse_args()
    if arguments.bench and arguments.max_dimension != 1:
        parser.error("--max-dimension is for --windows-in; --bench writes the bars of H1")
    if arguments.windows < 1:
        parser.error("--windows must be at least 1")
    try:
        import numpy
    except ImportError:
        print("rips_peers: numpy and the peers are not installed, nothing to compare with", file=sys.stderr)
        print("{}")
        return 0
    peers = load_peers(arguments.threads, arguments.max_dimension)
    if arguments.peers:
        peers = {name: peers[name] for name in arguments.peers if name in peers}
    if arguments.windows_in:
        row, agree = measure_all(peers, *read_windows(arguments.windows_in, numpy))
        print(json.dumps(row), flush=True)
        return 0 if agree else 1
    agree = True
    for cloud in arguments.clouds:
        with tempfile.TemporaryDirectory() as directory:
            command = [arguments.bench, "--cloud", cloud, "--window", str(arguments.window)]
            command += ["--slides", str(arguments.slides), "--dimension", str(arguments.dimension)]
            command += ["--dump", directory, "--dump-windows", str(arguments.windows)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            figures, equal = measure_all(peers, *read_windows(directory, numpy))
            agree = agree and equal
            row.update(figures)
            for name in peers:
                row[f"{name}Ratio"] = round(row[f"{name}Ms"] / row["meanMs"], 1)
                row[f"{name}CpuRatio"] = round(row[f"{name}CpuMs"] / row["cpuMeanMs"], 1)
        print(json.dumps(row), flush=True)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
