"""What the peers share: the numbers that every program works on (as in data.hpp), the clock, and one line of JSON for
each case and variant.

    NAME_bench.py                           lists its cases and variants
    NAME_bench.py CASE SAMPLES VARIANT...   measures them
"""
import json
import statistics
import sys
import time

import numpy as np

CHECKED_STEPS = 5
SECONDS_PER_SAMPLE = 0.01


def hashed(n, seed):
    """The finaliser of MurmurHash3."""
    h = np.arange(n, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 % 2**32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def uniform(shape, seed, low, high):
    low, high = np.float32(low), np.float32(high)
    unit = (hashed(int(np.prod(shape)), seed) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return (low + (high - low) * unit).reshape(shape)


def classes(n, seed, count):
    return (hashed(n, seed) >> np.uint32(8)).astype(np.int64) % count


def coins(n, seed):
    return classes(n, seed, 2).astype(np.float32)


def halves_repeated(half, axis):
    """The second half of the examples repeats the first with other labels: nothing can be learnt by heart."""
    return np.ascontiguousarray(np.concatenate([half, half], axis))


def distance(parameters, start):
    return float(sum(np.abs(np.asarray(p, np.float64) - s).sum() for p, s in zip(parameters, start)))


def forget_peak_memory():
    """Lets the peak of this process's memory begin here: what made the inputs is no part of a step."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def measure(case, variant, make, per, samples):
    """make() gives step() and check(), the latter the cost and how far the parameters have moved."""
    step, check = make()
    forget_peak_memory()
    for _ in range(CHECKED_STEPS):
        step()
    cost, moved = check()
    end = time.perf_counter() + 0.25
    while time.perf_counter() < end:
        step()
    begin = time.perf_counter()
    step()
    steps = max(1, int(SECONDS_PER_SAMPLE / max(time.perf_counter() - begin, 1e-9)))
    wall, cpu = [], []
    for _ in range(samples):
        begin, begin_cpu = time.perf_counter_ns(), time.process_time_ns()
        for _ in range(steps):
            step()
        wall.append((time.perf_counter_ns() - begin) / steps / per)
        cpu.append((time.process_time_ns() - begin_cpu) / steps / per)
    print(json.dumps(dict(case=case, variant=variant, wall=statistics.median(wall), wall_min=min(wall),
                          cpu=statistics.median(cpu), cpu_min=min(cpu), cost=cost, moved=moved)), flush=True)


def main(cases):
    """cases: {case: {variant: make}}"""
    if len(sys.argv) == 1:
        print("\n".join(f"{case} {variant}" for case in cases for variant in cases[case]))
        return
    case, samples, *wanted = sys.argv[1:]
    for variant in wanted:
        try:
            measure(case, variant, cases[case][variant], 1000 if case.startswith("W1/") else 1, int(samples))
        except Exception as error:  # a variant that this version lacks
            print(json.dumps(dict(case=case, variant=variant, error=f"{type(error).__name__}: {error}"[:300])), flush=True)
