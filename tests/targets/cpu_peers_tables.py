"""What tests/targets/cpu_peers measured, as rows, targets and tables in Markdown."""
import math
import re

# The peers that the targets speak of; torch has one of its own, scipy (pocketfft) is shown only.
JUDGED = ("fftw", "fftw-patient", "kfr", "pffft", "mkl")
TITLES = {"fftw": "FFTW", "fftw-patient": "FFTW, patient", "kfr": "KFR", "pffft": "PFFFT", "mkl": "MKL"}


def rows_of(results):
    """A row a problem: nanoseconds per sample and relative errors, by contender."""
    rows = []
    for name, threads, mode, with_peers, piece in results:
        for entry in piece["problems"]:
            problem = entry["problem"]
            samples = problem["batch"] * problem["channels"] * problem["seqlen"]
            row = {"mode": mode, "threads": threads, "seqlen": problem["seqlen"], "problem": problem["text"]}
            row |= {"alone": not with_peers, "rounds": entry["rounds"], "config": entry["config"]}
            row["contenders"] = [contender({**entry, "peer": "fftconv", "name": "fftconv"}, samples)]
            row["contenders"] += [contender(peer, samples) for peer in entry["peers"]]
            rows.append(row)
    return rows


def contender(time, samples):
    kept = {"peer": time["peer"], "name": time["name"]}
    if "missing" in time:
        return kept | {"missing": time["missing"]}
    per_sample = {key: round(time[f"{key}_s"] * 1e9 / samples, 4) for key in ("median", "lower_quartile")}
    return kept | {"ns": per_sample["median"], "ns_lower_quartile": per_sample["lower_quartile"], "error": time["error"]}


def best(row, peers):
    """The fastest contender among `peers`; nothing where none was measured."""
    timed = [one for one in row["contenders"] if one["peer"] in peers and "ns" in one]
    return min(timed, key=lambda one: one["ns"], default=None)


def ratio(row, peers):
    fastest = best(row, peers)
    return fastest and fastest["ns"] / row["contenders"][0]["ns"]


def target(name, value, goal, limit, unit, note):
    met = value <= limit if goal == "at most" else value >= limit
    return {"target": name, "value": float(f"{value:.4g}"), "goal": goal, "limit": limit, "unit": unit, "met": met,
            "note": note}


def is_power(n):
    return n & (n - 1) == 0


def judge(rows):
    """The targets that these rows can decide; none where no peer was measured."""
    found = []
    for threads, limit, mean in ((1, 2.2, 2.8), (2, 1.8, None)):
        causal = [r for r in rows if r["mode"] == "causal" and r["threads"] == threads and is_power(r["seqlen"])]
        causal = [r for r in causal if not r["alone"] and ratio(r, JUDGED)]
        if not causal:
            continue
        who = f"{threads} thread{'' if threads == 1 else 's'}"
        lacking = sorted({one["peer"] for r in causal for one in r["contenders"] if "missing" in one})
        lacking += [peer for peer in JUDGED if not any(one["peer"] == peer for r in causal for one in r["contenders"])]
        least = min(causal, key=lambda r: ratio(r, JUDGED))
        note = f"least at {least['seqlen']}, beside {TITLES[best(least, JUDGED)['peer']]}; {len(causal)} lengths"
        note += f"; not here: {', '.join(lacking)}" if lacking else ""
        found.append(target(f"CPU: faster than the best peer, {who}", ratio(least, JUDGED), "at least", limit, "1", note))
        if mean:
            product = math.prod(ratio(r, JUDGED) for r in causal) ** (1 / len(causal))
            note = f"{len(causal)} lengths, causal" + (f"; not here: {', '.join(lacking)}" if lacking else "")
            found.append(target(f"CPU: geometric mean of that, {who}", product, "at least", mean, "1", note))
    with_torch = [r for r in rows if r["mode"] == "causal" and ratio(r, ("torch",)) and is_power(r["seqlen"])]
    if with_torch:
        least = min(with_torch, key=lambda r: ratio(r, ("torch",)))
        note = f"least at {least['seqlen']}, {least['threads']} threads, beside {best(least, ('torch',))['name']}"
        found.append(target("CPU: faster than torch", ratio(least, ("torch",)), "at least", 15, "1", note))
    if not found:
        return found
    found += lengths_between(rows)
    worst = max(rows, key=lambda r: r["contenders"][0]["error"])
    note = f"{worst['problem']}, {worst['threads']} threads"
    found.append(target("CPU: relative error", worst["contenders"][0]["error"], "at most", 5e-7, "1", note))
    return found


def lengths_between(rows):
    """Time per sample of lengths that are no power of two, over that of the power above, measured beside it."""
    alone = [r for r in rows if r["alone"] and r["threads"] == 1]
    ratios = {}
    for row in alone:
        if not is_power(row["seqlen"]):
            above = 1 << (row["seqlen"] - 1).bit_length()
            beside = next(r for r in alone if r["seqlen"] == above)
            ratios[row["seqlen"]] = row["contenders"][0]["ns"] / beside["contenders"][0]["ns"]
    if not ratios:
        return []
    note = ", ".join(f"{length}: {value:.2f}" for length, value in sorted(ratios.items()))
    name = "CPU: time per sample where L is no power of two, over the power above, 1 thread"
    return [target(name, max(ratios.values()), "at most", 1.3, "1", note)]


def cell(one):
    if one is None or "ns" not in one:
        return "–"
    return f"{one['ns']:.2f}" + ("\\*" if "MEASURE (" in one["name"] else "")


def columns_of(rows):
    """A column for each contender that appears, torch twice where there are two of them."""
    columns = []
    for row in rows:
        for one in row["contenders"][1:]:
            if "ns" in one and title(one) not in columns:
                columns.append(title(one))
    return columns


def title(one):
    return TITLES.get(one["peer"]) or re.split(r" \(|,", one["name"])[0].split("+")[0]


def table(rows, columns, show):
    lines = ["| L | fftconv | " + " | ".join(columns) + " | best peer / fftconv |"]
    lines.append("|---" * (len(columns) + 3) + "|")
    for row in rows:
        by_title = {title(one): one for one in row["contenders"][1:]}
        cells = [show(row["contenders"][0])] + [show(by_title.get(column)) for column in columns]
        least = ratio(row, JUDGED)
        lines.append(f"| {row['seqlen']} | {' | '.join(cells)} | {f'{least:.2f}' if least else '–'} |")
    return lines


def markdown(machine, rows, targets):
    lines = ["# The CPU device beside other libraries", ""]
    lines.append(f"{machine['cpu']}, {machine['cores']} cores, {machine['date']}, commit {machine['commit']}. "
                 f"About {machine['samples']} samples a problem, as many taps as samples in a row, fp32; medians of up to "
                 f"{machine['rounds']} interleaved rounds; ours found with rigor {machine['rigor']}. Highest load before "
                 f"a piece: {machine['highest_load_before_a_piece']:.2f}.")
    lines += ["", "| target | value | limit | met | |", "|---|---|---|---|---|"]
    for one in targets:
        lines.append(f"| {one['target']} | {one['value']:.3g} | {one['goal']} {one['limit']:g} | "
                     f"{'yes' if one['met'] else 'no'} | {one['note']} |")
    compared = [row for row in rows if not row["alone"]]
    columns = columns_of(compared)
    for key in dict.fromkeys((row["mode"], row["threads"]) for row in compared):
        chosen = sorted((r for r in compared if (r["mode"], r["threads"]) == key), key=lambda r: r["seqlen"])
        lines += ["", f"## {key[0].capitalize()}, {key[1]} thread{'' if key[1] == 1 else 's'}: nanoseconds per sample", ""]
        lines += table(chosen, columns, cell)
    lines += ["", "\\* The patient plan was slower than a measured one, which stands in its place.", ""]
    lines += ["## Relative L2 errors against fp64, one thread", ""]
    first = [row for row in compared if row["threads"] == compared[0]["threads"]]
    lines += ["| problem | fftconv | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for row in first:
        by_title = {title(one): one for one in row["contenders"][1:]}
        errors = [f"{one['error']:.1e}" if one and "error" in one else "–"
                  for one in [row["contenders"][0]] + [by_title.get(column) for column in columns]]
        lines.append(f"| {row['mode']} {row['seqlen']} | {' | '.join(errors)} |")
    lines += ["", "## What they are", ""]
    names = {title(one): one for row in reversed(compared) for one in row["contenders"][1:] if "ns" in one}
    lines += [f"- {column}: {names[column]['name']}" for column in columns]
    lines += sorted({f"- not here: {one['missing']}" for row in compared for one in row["contenders"] if "missing" in one})
    return "\n".join(lines) + "\n"
