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


def load_peers(threads):
    """The installed peers: name -> function from points (n x d array) to a list of (birth, death) bars of H1."""
    peers = {}
    try:
        from ripser import ripser

        peers["ripser"] = lambda points: ripser(points, maxdim=1)["dgms"][1]
    except ImportError:
        print("rips_peers: ripser is not installed, skipped (pip install ripser)", file=sys.stderr)
    try:
        from gph import ripser_parallel

        peers["giotto"] = lambda points: ripser_parallel(points, maxdim=1, n_threads=threads)["dgms"][1]
    except ImportError:
        print("rips_peers: giotto-ph is not installed, skipped (pip install giotto-ph)", file=sys.stderr)
    try:
        import gudhi

        def by_gudhi(points):
            tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=1)
            tree.collapse_edges(nb_iterations=1)
            tree.expansion(2)
            tree.compute_persistence(min_persistence=0)
            return tree.persistence_intervals_in_dimension(1)

        peers["gudhi"] = by_gudhi
    except ImportError:
        print("rips_peers: gudhi is not installed, skipped (pip install gudhi)", file=sys.stderr)
    return peers


def bars_of(diagram):
    """Bars of visible length, sorted: peers differ in the last bits of a float and in reporting empty bars."""
    return sorted((float(b), float(d)) for b, d in diagram if d - b > 1e-5)


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bench", required=True, help="the tda_rips_bench binary")
    parser.add_argument("--clouds", nargs="+", default=["uniform", "embedding", "circle"])
    parser.add_argument("--window", type=int, default=1000)
    parser.add_argument("--slides", type=int, default=1000)
    parser.add_argument("--dimension", type=int, default=3)
    parser.add_argument("--windows", type=int, default=3, help="windows the peers compute")
    parser.add_argument("--threads", type=int, default=1, help="for giotto-ph")
    parser.add_argument("--peers", nargs="+", help="only these: ripser giotto gudhi")
    arguments = parser.parse_args()
    if arguments.windows < 1:
        parser.error("--windows must be at least 1")
    try:
        import numpy
    except ImportError:
        print("rips_peers: numpy and the peers are not installed, nothing to compare with", file=sys.stderr)
        return 0
    peers = load_peers(arguments.threads)
    if arguments.peers:
        peers = {name: peers[name] for name in arguments.peers if name in peers}
    agree = True
    for cloud in arguments.clouds:
        with tempfile.TemporaryDirectory() as directory:
            command = [arguments.bench, "--cloud", cloud, "--window", str(arguments.window)]
            command += ["--slides", str(arguments.slides), "--dimension", str(arguments.dimension)]
            command += ["--dump", directory, "--dump-windows", str(arguments.windows)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            paths = sorted(pathlib.Path(directory).glob("*.points"))
            windows = [(path, numpy.loadtxt(path, ndmin=2)) for path in paths]
            reference = {}
            for path in paths:
                bars = numpy.loadtxt(path.with_suffix(".bars"), ndmin=2).reshape(-1, 2)
                reference[path] = ("streaming-tda", bars_of(bars))
            for name, compute in peers.items():
                mean, cpu_mean, equal = measure(name, compute, windows, reference)
                agree = agree and equal
                row[f"{name}Ms"] = round(mean, 3)
                row[f"{name}Ratio"] = round(mean / row["meanMs"], 1)
                # Processor time is the fairer figure on a machine that is shared, and with one thread.
                row[f"{name}CpuMs"] = round(cpu_mean, 3)
                row[f"{name}CpuRatio"] = round(cpu_mean / row["cpuMeanMs"], 1)
        print(json.dumps(row), flush=True)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
