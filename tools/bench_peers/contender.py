"""torch or scipy as a contender of fftconv-bench, in a process of its own: a convolution as their users write it.

fftconv-bench runs this text with `python -c TEXT MODULE`. A first line on standard input is JSON: the problem, and the
offsets (in floats) of its arrays in the memory that is shared as a file descriptor. Then each line is a command, "run"
or "result"; each line is answered by a line of JSON.
"""
import json
import mmap
import os
import sys
import time


def with_torch(setup, memory):
    import torch

    torch.set_num_threads(setup["threads"])

    def array(name, *shape):
        count = shape[0] * shape[1] * shape[2]
        floats = torch.frombuffer(memory, dtype=torch.float32, count=count, offset=4 * setup[name])
        return floats.reshape(*shape)

    u, periods, y = arrays(setup, array)
    n, length = setup["points"], setup["seqlen"]
    spectrum = torch.fft.rfft(periods)
    engine = "MKL" if torch.backends.mkl.is_available() else "without MKL"
    return (
        f"torch {torch.__version__} ({engine})",
        lambda: torch.fft.irfft(torch.fft.rfft(u, n=n) * spectrum, n=n)[..., :length],
        y.copy_,
    )


def with_scipy(setup, memory):
    import numpy
    import scipy
    import scipy.fft

    def array(name, *shape):
        count = shape[0] * shape[1] * shape[2]
        return numpy.frombuffer(memory, numpy.float32, count, 4 * setup[name]).reshape(shape)

    u, periods, y = arrays(setup, array)
    n, length, threads = setup["points"], setup["seqlen"], setup["threads"]
    spectrum = scipy.fft.rfft(periods, workers=threads)

    def run():
        bins = scipy.fft.rfft(u, n, workers=threads)
        bins *= spectrum
        return scipy.fft.irfft(bins, n, workers=threads)[..., :length]

    def store(result):
        y[...] = result

    return f"scipy {scipy.__version__} (pocketfft)", run, store


def arrays(setup, array):
    batch, channels, length = setup["batch"], setup["channels"], setup["seqlen"]
    return (
        array("u", batch, channels, length),
        array("periods", setup["examples"], channels, setup["points"]),
        array("y", batch, channels, length),
    )


def serve(module, lines, say):
    setup = json.loads(next(lines))
    memory = mmap.mmap(setup["descriptor"], 0)
    try:
        name, run, store = {"torch": with_torch, "scipy": with_scipy}[module](setup, memory)
    except ImportError as lacking:
        return say({"missing": str(lacking)})
    count = setup["threads"]
    say({"name": f"{name}, rfft at {setup['points']}, {count} thread{'' if count == 1 else 's'}"})
    result = None
    for line in lines:
        if line.strip() == "run":
            result = None  # the memory of the last one, before the clock starts
            start = time.perf_counter()
            result = run()
            say({"seconds": time.perf_counter() - start})
        else:
            store(result)
            say({})


def main():
    # What a module prints must not come between answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        serve(sys.argv[1], sys.stdin, say)
    except Exception as failure:
        say({"error": f"{type(failure).__name__}: {failure}"})


main()
