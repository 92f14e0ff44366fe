"""As much of torch as fftconv-bench's contender uses, by definition and slowly. FAKE_TORCH says how it fails."""
import cmath
import os
import struct

__version__ = "fake"
float32 = "f"
if os.environ.get("FAKE_TORCH") == "import":
    raise ImportError("No module named 'half_of_it'")


class backends:
    class mkl:
        @staticmethod
        def is_available():
            return False


def set_num_threads(count):
    print(count, "threads: a line that is no answer")


class Tensor:
    """Rows of the last dimension; `store` writes a row back to where it came from."""

    def __init__(self, rows, shape=None, memory=None, offset=0):
        self.rows, self.shape, self.memory, self.offset = rows, shape, memory, offset

    def reshape(self, *shape):
        flat, width = self.rows[0], shape[-1]
        rows = [flat[i : i + width] for i in range(0, len(flat), width)]
        return Tensor(rows, shape, self.memory, self.offset)

    def __mul__(self, other):
        pairs = ((row, other.rows[i % len(other.rows)]) for i, row in enumerate(self.rows))
        return Tensor([[a * b for a, b in zip(*pair)] for pair in pairs])

    def __getitem__(self, index):
        assert index[0] is Ellipsis
        return Tensor([row[index[1]] for row in self.rows])

    def copy_(self, other):
        flat = [value for row in other.rows for value in row]
        struct.pack_into(f"{len(flat)}f", self.memory, self.offset, *flat)


def frombuffer(memory, dtype, count, offset):
    return Tensor([list(struct.unpack_from(f"{count}{dtype}", memory, offset))], (count,), memory, offset)


class fft:
    @staticmethod
    def rfft(x, n=None):
        n = n or len(x.rows[0])
        roots = [cmath.exp(-2j * cmath.pi * i / n) for i in range(n)]
        return Tensor(
            [[sum(v * roots[i * k % n] for i, v in enumerate(row)) for k in range(n // 2 + 1)] for row in x.rows]
        )

    @staticmethod
    def irfft(z, n):
        failure = os.environ.get("FAKE_TORCH")
        if failure == "raise":
            raise RuntimeError("two\nlines")
        if failure == "die":
            os._exit(3)
        roots = [cmath.exp(2j * cmath.pi * i / n) for i in range(n)]

        def value(row, i):
            return sum((1 if k in (0, n / 2) else 2) * (v * roots[i * k % n]).real for k, v in enumerate(row)) / n

        return Tensor([[value(row, i) for i in range(n)] for row in z.rows])
