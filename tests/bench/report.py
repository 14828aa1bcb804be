"""From what was measured to a table, as text and as Markdown, and a picture."""
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import xml.sax.saxutils

# Without a goal, and not written by hand.
W9 = ("layer_norm", "batch_norm", "softmax", "attention", "recurrent", "distances", "gelu", "cumsum", "sort", "slice")
# Unit, the goal for xgrad in that unit on the machine that the goals were set on (two cores of a Zen 5, with AVX-512),
# the goal for what is compiled, and the goal as a multiple of the floor, which holds anywhere.
GOALS = {
    "W1/1x1": ("ns", 250, 60, 250 / 11),
    "W1/16x16": ("ns", 250, 60, None),
    "W2": ("µs", 175, None, 175 / 157),
    "W3": ("µs", 6, 3, 6 / 1.4),
    "W4": ("µs", 1050, None, 1050 / 966),
    "W5": ("µs", 880, None, 880 / 807),
    "W6": ("ms", 11.5, None, 11.5 / 10),
    "W7/1e3": ("µs", 2.5, None, 2.5 / 0.6),
    "W7/1e5": ("µs", 38, None, 38 / 30),
    "W7/1e7": ("ms", 3.7, None, 3.7 / 3.2),
    "W8/hvp": ("µs", 15, None, None),
    "W8/hessian": ("µs", 60, None, None),
    **{f"W9/{name}": ("µs", None, None, None) for name in W9},
}
QUIET = 0.5  # load before the run, in processes
NANOSECONDS = {"ns": 1, "µs": 1e3, "ms": 1e6}
# Columns: the program, and which of its variants: the fastest of those that are meant.
COLUMNS = {
    "PyTorch": ("PyTorch", lambda variant: not is_compiled(variant)),
    "torch.compile": ("PyTorch", lambda variant: is_compiled(variant)),
    "NumPy": ("NumPy", lambda variant: True),
    "floor": ("floor", lambda variant: True),
    "xgrad": ("xgrad", lambda variant: variant == "recorded"),
    "compiled": ("xgrad", lambda variant: variant == "compiled"),
}


def is_compiled(variant):
    return variant.startswith("compile")


def summarise(cases, rows, clock):
    """For each case and column the variant with the smallest median over the rounds, in ns."""
    result = {}
    for case in cases:
        columns = {}
        for name, (program, is_meant) in COLUMNS.items():
            groups = {}
            for r in rows:
                if r["case"] == case and r["program"] == program and is_meant(r["variant"]):
                    groups.setdefault((r["variant"], r["setting"]), []).append(r)
            medians = [dict(ns=statistics.median(r[clock] for r in group), min_ns=min(r[clock + "_min"] for r in group),
                            variant=key[0], setting=key[1], rounds=len(group),
                            peak_mb=round(max(r["peak_mb"] for r in group), 1),
                            allocations=group[-1].get("allocations")) for key, group in groups.items()]
            least = min((m["peak_mb"] for m in medians), default=0)
            # Those that were measured in all rounds; a single round may have been lucky.
            most = max((m["rounds"] for m in medians), default=0)
            medians = [m for m in medians if m["rounds"] == most]
            if medians:
                columns[name] = min(medians, key=lambda m: m["ns"])
                # A setting that is fastest may not be the one that needs least memory.
                columns[name]["least_peak_mb"] = least
        result[case] = columns
    return result


def digits(value):
    return f"{value:.{max(0, 2 - int(math.floor(math.log10(value))))}f}" if value > 0 else "0"


def table(results):
    """Heading and rows, as text."""
    cases = results["cases"].values()
    names = [n for n in COLUMNS if n not in ("torch.compile", "compiled") or any(n in c for c in cases)]
    heading = ["workload", "", *names, "xgrad/floor", "at most", "PyTorch/xgrad", "goal*", "allocations"]
    lines = []
    for case, columns in results["cases"].items():
        unit, goal, compiled, multiple = GOALS[case]
        line = [case, unit]
        line += [digits(columns[n]["ns"] / NANOSECONDS[unit]) if n in columns else "–" for n in names]
        xgrad, floor = (columns.get(n, {}).get("ns") for n in ("xgrad", "floor"))
        line.append(digits(xgrad / floor) if xgrad and floor else "–")
        line.append(digits(multiple) if multiple else "–")
        torch, best = (min((columns[n]["ns"] for n in both if n in columns), default=None)
                       for both in (("PyTorch", "torch.compile"), ("xgrad", "compiled")))
        line.append(digits(torch / best) if torch and best else "–")
        line.append((f"{goal:g}" + (f"; {compiled:g}" if compiled else "")) if goal else "–")
        allocations = columns.get("xgrad", {}).get("allocations")
        line.append("–" if allocations is None else f"{allocations:.0f}")
        lines.append(line)
    return heading, lines


def notes(results):
    """What stands below the table."""
    about = results["about"]
    lines = [", ".join(f"{k}: {v}" for k, v in about.items())]
    if about["load before"] > QUIET:
        lines.append(f"The machine was not quiet: others had a load of {about['load before']} when this began.")
    if about["clock"] == "cpu":
        lines.append("Times are the processor's, of all threads together.")
    lines.append("* goal for xgrad on 2 cores of a Zen 5, recorded; compiled. `at most`: the first as a multiple of the "
                 "floor. PyTorch/xgrad: the faster of two columns by the faster of two. Allocations: calls of "
                 "operator new in a step, after the warm-up.")
    for name in ("PyTorch", "torch.compile"):
        chosen = [f"{case}: {c[name]['variant']} ({c[name]['setting']})"
                  for case, c in results["cases"].items() if name in c]
        if chosen:
            lines.append(f"{name} at its best: " + "; ".join(chosen))
    peaks = [f"{case}: " + ", ".join(f"{name} {c[name]['least_peak_mb']:.0f}" for name in ("PyTorch", "floor", "xgrad")
                                     if name in c)
             for case, c in results["cases"].items() if case in ("W5", "W7/1e7")]
    if peaks:
        lines.append("Peak memory of the process, MB (the least of all variants): " + "; ".join(peaks))
    if results["start_up"]:
        lines.append("Whole process up to the first gradient of W3: " + "; ".join(
            f"{name} {s['ms']:.0f} ms, {s['peak_mb']:.0f} MB" for name, s in results["start_up"].items()))
    lines += ["DISAGREES: " + d for d in results["disagreements"]]
    return lines


def text(results):
    heading, lines = table(results)
    widths = [max(len(row[i]) for row in [heading, *lines]) for i in range(len(heading))]
    aligned = ["  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
               for row in [heading, *lines]]
    return "\n".join([*aligned, "", *notes(results)])


def markdown(results):
    heading, lines = table(results)
    rule = ["---" if i < 2 else "--:" for i in range(len(heading))]
    rows = ["| " + " | ".join(row) + " |" for row in [heading, rule, *lines]]
    return "\n".join([*rows, "", *("- " + n.replace("*", "\\*") for n in notes(results)), ""])


# The picture: for each case a group of bars, times as multiples of the floor on a logarithmic scale. It is a list of
# shapes in a frame of pixels, from which both an SVG and gnuplot's PNG are made.

COLOURS = {"PyTorch": "#e07b39", "torch.compile": "#b5521a", "NumPy": "#5b8bc9", "floor": "#9a9a9a", "xgrad": "#2e8b57",
           "compiled": "#1b5e3b"}
WIDTH, LEFT, RIGHT, TOP, BAR, GAP = 960, 110, 90, 92, 15, 14


def shapes(results):
    """("box", x, y, width, height, colour), ("line", x, y, x, y, colour) or ("text", x, y, anchor, size, text)."""
    groups = []
    for case, columns in results["cases"].items():
        if "floor" in columns:
            bars = [(n, columns[n]["ns"]) for n in COLOURS if n in columns and n != "floor"]
            groups.append((case, columns["floor"]["ns"], bars))
    if not groups:
        return [], 0
    ratios = [ns / floor for _, floor, bars in groups for _, ns in bars] or [1]
    low = math.floor(math.log10(min(1, *ratios)) * 3) / 3
    high = max(math.ceil(math.log10(max(ratios)) * 3) / 3, low + 1)

    def x_of(ratio):
        return LEFT + (math.log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    height = TOP + sum(BAR * len(bars) + GAP for _, _, bars in groups) + 46
    drawn = [("text", WIDTH / 2, 28, "middle", 18, "Time of a step as a multiple of hand-written code")]
    x = LEFT
    for name in COLOURS:
        if any(n == name for _, _, bars in groups for n, _ in bars):
            drawn += [("box", x, 46, 14, 14, COLOURS[name]), ("text", x + 20, 58, "start", 13, name)]
            x += 40 + 9 * len(name)
    bottom = height - 40
    for exponent in range(math.floor(low), math.floor(high) + 1):
        for digit in (1, 2, 5):
            ratio = digit * 10.0**exponent
            if low <= math.log10(ratio) <= high + 1e-9:
                colour = "#777777" if ratio == 1 else "#dddddd"
                drawn += [("line", x_of(ratio), TOP - 8, x_of(ratio), bottom, colour),
                          ("text", x_of(ratio), bottom + 18, "middle", 12, f"{ratio:g}×")]
    y = TOP
    for case, floor, bars in groups:
        unit = NANOSECONDS[GOALS[case][0]]
        middle = y + BAR * len(bars) / 2
        drawn += [("text", LEFT - 10, middle, "end", 13, case),
                  ("text", LEFT - 10, middle + 13, "end", 10, f"1× = {digits(floor / unit)} {GOALS[case][0]}")]
        for name, ns in bars:
            left, right = sorted((x_of(1), x_of(ns / floor)))
            drawn += [("box", left, y, max(right - left, 1), BAR - 2, COLOURS[name]),
                      ("text", right + 5, y + BAR - 4, "start", 11, f"{digits(ns / unit)} {GOALS[case][0]}")]
            y += BAR
        y += GAP
    return drawn, height


def svg(drawn, height):
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
             f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif">',
             '<rect width="100%" height="100%" fill="#ffffff"/>']
    for kind, x, y, a, b, c in drawn:
        if kind == "box":
            lines.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{a:.1f}" height="{b:.1f}" fill="{c}"/>')
        elif kind == "line":
            lines.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{a:.1f}" y2="{b:.1f}" stroke="{c}"/>')
        else:
            lines.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{a}" font-size="{b}">'
                         f'{xml.sax.saxutils.escape(c)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def gnuplot(drawn, height, path):
    """A script that draws the same in a PNG."""
    anchors = {"start": "left", "middle": "center", "end": "right"}
    lines = [f"set terminal pngcairo size {WIDTH},{height:.0f} font 'sans,10' noenhanced background '#ffffff'",
             f"set output '{path}'", "set encoding utf8", f"set xrange [0:{WIDTH}]", f"set yrange [{height:.0f}:0]",
             "unset border", "unset tics", "unset key", "set lmargin 0", "set rmargin 0", "set tmargin 0",
             "set bmargin 0"]
    for i, (kind, x, y, a, b, c) in enumerate(drawn, 1):
        if kind == "box":
            lines.append(f"set object {i} rectangle from {x:.1f},{y:.1f} to {x + a:.1f},{y + b:.1f} front "
                         f"fillcolor rgb '{c}' fillstyle solid noborder")
        elif kind == "line":
            lines.append(f"set arrow {i} from {x:.1f},{y:.1f} to {a:.1f},{b:.1f} nohead back linecolor rgb '{c}'")
        else:
            # An SVG's y is the baseline, gnuplot's the middle of the text.
            lines.append(f"set label {i} '{c}' at {x:.1f},{y - b / 3:.1f} {anchors[a]} front font ',{b * 0.75:.0f}'")
    return "\n".join([*lines, "plot NaN", ""])


def write(results, folder, say):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(markdown(results), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    drawn, height = shapes(results)
    if drawn:
        (folder / "ratios.svg").write_text(svg(drawn, height), encoding="utf-8")
        if shutil.which("gnuplot"):
            with tempfile.NamedTemporaryFile("w", suffix=".gp", encoding="utf-8") as script:
                script.write(gnuplot(drawn, height, folder / "ratios.png"))
                script.flush()
                if subprocess.run(["gnuplot", script.name], capture_output=True).returncode != 0:
                    say("no ratios.png: gnuplot could not draw it")
        else:
            say("no ratios.png: gnuplot is not installed (Debian's package gnuplot-nox has it)")
    say(f"written to {os.path.relpath(folder)}: " + ", ".join(sorted(p.name for p in folder.iterdir())))
