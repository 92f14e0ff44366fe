// fftconv: fused long convolution, y[b][h] = k[h] * u[b][h], causal, emitted for sm_90a.
//
// problem  causal/L32768/k32768/b*/h*/io-f32/f32/forward
// config   p4:8x16x16x16/l2/mma-split/rows1/warps4/loop0/depth1/filter-mem/twiddle-mem/nvrtc
//
// Monarch transform of order 4: M = 32768 = N1 = 8, N2 = 16, N3 = 16, N4 = 16, M >= L = 32768.
// Right-angle transform: products modulo x^M - i, frequencies k - 1/4; y is the real part.
// Digits are transformed outermost first, the inverse runs back; the spectrum keeps digit-reversed order and
// nothing is reordered. Stage scaling is orthonormal. Half-shifted DFT matrices, phi = (q - theta) / Q,
//   A_q[k][n] = exp(-2 pi i (n + phi)(k + phi) / N) / sqrt(N)
// absorb all twiddles but the one before the last digit; what phase they leave depends on transformed digits
// only, so forward and inverse cancel it.
//
// The cost model expects, per complex point: 0.562 matrix products (m16n8k16), 170.0 issue slots,
// 64.0 bytes of shared memory; 33024 bytes of shared memory a block.

// ---- constants ----
constexpr int L = 32768;  // samples of a row
constexpr int M = 32768;  // points of a transform
constexpr int N1_OUTER = 16;  // digits outside the core; 1 where there is none
constexpr int N2_OUTER = 1;
constexpr int Q = 16;  // slabs in shared memory: N1_OUTER N2_OUTER
constexpr int R = 16;  // the core's digits
constexpr int C = 16;
constexpr int WARPS = 4;  // that share one transform
constexpr int ROWS = 1;  // transforms in flight in a block
constexpr int LOOP = 0;  // transforms one after another; 0 = the whole batch
constexpr int DEPTH = 1;  // slots of input
constexpr int RIDERS = 1;  // rows in one transform
constexpr int RESIDUES = 8;  // points of the outermost digit, computed one after another
constexpr bool PAIRED = false;  // row 0 + i row 1
constexpr int COPY = 16;  // bytes of an access of a row in global memory
constexpr int SWIZZLE = 4;  // of chunks
constexpr int FILTER_LEN = 32768;  // taps
constexpr int FIRST_LAG = 0;  // lag of tap 0
constexpr int LAG_STEP = 1;  // from tap to tap
constexpr bool CIRCULAR = false;  // lags modulo L
// Tables, byte offsets.
constexpr int TABLE_RESIDUE = 0;  // A of the outermost digit, fp32
constexpr int TABLE_FIRST = 512;  // A of the first digit in shared memory
constexpr int FIRST_STRIDE = 2048;  // from one residue's to the next
constexpr int TABLE_A = 16896;  // A of the core's rows, one for each slab
constexpr int A_STRIDE = 2048;
constexpr int TABLE_T = 279040;  // twiddle of the core, one for each slab
constexpr int TABLE_T_TRANSPOSED = 279040;
constexpr int T_STRIDE = 2048;
constexpr int TABLE_W_LEFT = 541184;  // DFT of C points
constexpr int TABLE_W_RIGHT = 543232;
constexpr int TABLE_ROOTS = 545280;  // exp(-2 pi i j / M), fp32
constexpr int TABLE_WEIGHTS = 807424;  // exp(2 pi i theta n / M), fp32
constexpr int SPECTRUM_BLOCKS = 256;  // blocks of the spectrum kernel at most
constexpr int SPECTRUM_THREADS = 256;

// ---- convolution ----

// The warps of one transform wait for each other.
FFTCONV_DEVICE void transform_sync(int group) {
  block_sync();
}
FFTCONV_DEVICE long long row_bytes(const fftconv_args& args, int row, int channel) {
  return ((long long)row * args.channels + channel) * (L * IO_SIZE);
}
FFTCONV_DEVICE int filter_of(const fftconv_args& args, int row, int channel) {
  return channel;
}
FFTCONV_DEVICE slab_tables tables_of(const fftconv_args& args, int filter, int q) {
  const void* spectrum = (const char*)args.spectrum + (long long)filter * M * (TILE_BYTES / 128);
  return {{args.tables, TABLE_A + q * A_STRIDE}, args.tables, spectrum, TABLE_T + q * T_STRIDE,
          TABLE_T_TRANSPOSED + q * T_STRIDE, q * T_STRIDE};
}

FFTCONV_KERNEL(fftconv_convolution, 128, 3)(const fftconv_args args) {
  const int warp = warp_id() % WARPS, group = warp_id() / WARPS, channel = block_x();
  const memory_matrix w_left = {args.tables, TABLE_W_LEFT}, w_right = {args.tables, TABLE_W_RIGHT};
  const column_matrices<resident_matrix> columns = {make_resident(w_left), make_resident(w_right)};
  const int transforms = ((int)args.batch + RIDERS - 1) / RIDERS;
  const int first = block_y() * ROWS * LOOP + group;
  const int past = LOOP == 0 || (block_y() + 1) * ROWS * LOOP > transforms ? transforms : (block_y() + 1) * ROWS * LOOP;
  const vi spectrum = (vi)(group * 33024);
#pragma unroll 1
  for (int i = first; i < past; i += ROWS) {
    const void* u = (const char*)args.u + row_bytes(args, i, channel);
    void* y = (char*)args.y + row_bytes(args, i, channel);
#pragma unroll 1
    for (int j = 0; j < RESIDUES; ++j) {
      const residue_weights weights = load_weights(args.tables, j);
      const memory_matrix first_in_memory = {args.tables, TABLE_FIRST + j * FIRST_STRIDE};
      const resident_matrix first_matrix = make_resident(first_in_memory);

      // Outermost digit, 8 points on CUDA cores: real u -> Z_j.
      load_residue(u, spectrum, weights, warp);
      transform_sync(group);
      // First digit of the residue, 16 points on tensor cores, in place.
#pragma unroll 4
      for (int turn = 0; turn < 4; ++turn) {
        const int unit = warp + turn * WARPS;
        const int base = unit / 16;
        const int set = unit % 16, h = 0;
        const int r = set;
        const vi slab = spectrum + slab_offset(0, base);
        const outer_unit at = {slab, slab, 0, slab, SLAB_STEP1, r, h};
        outer_complex<16, 2, false, ends::spectrum, ends::spectrum>(at, first_matrix);
      }
      transform_sync(group);
      // The core's digits, the filter, and back, in registers: 16 x 16 points a slab, in place.
      for (int q = warp; q < Q; q += WARPS) {
        const vi slab = spectrum + slab_offset(q / N2_OUTER, q % N2_OUTER);
        const slab_tables in_memory = tables_of(args, filter_of(args, 0, channel), j * Q + q);
        resident_tables constants;
        make_resident_twiddle(in_memory, constants);
        make_resident_kernel(in_memory, constants);
        complex_operand x[RB][2 * CB];
        load_slab(slab, x);
        warp_sync();
        core<false>(constants, columns, x, [&](int m, int j, const complex_accumulator& c) {
          store_slab_tile(slab, m, j, c);
        });
      }
      transform_sync(group);
      // First digit back of the residue, 16 points on tensor cores, in place.
#pragma unroll 4
      for (int turn = 0; turn < 4; ++turn) {
        const int unit = warp + turn * WARPS;
        const int base = unit / 16;
        const int set = unit % 16, h = 0;
        const int r = set;
        const vi slab = spectrum + slab_offset(0, base);
        const outer_unit at = {slab, slab, 0, slab, SLAB_STEP1, r, h};
        outer_complex<16, 2, true, ends::spectrum, ends::spectrum>(at, first_matrix);
      }
      transform_sync(group);
      // Outermost digit back: Z_j -> its part of real y. A lane adds where it has loaded.
      add_residue(y, spectrum, weights, j == 0, warp);
    }
  }
}

// ---- filter spectrum ----
FFTCONV_KERNEL(fftconv_spectrum, SPECTRUM_THREADS, 1)(const fftconv_args args) {
  void* scratch = (char*)args.scratch + (long long)block_x() * (M * 8);
  for (int f = block_x(); f < (int)args.filters; f += SPECTRUM_BLOCKS) {
    const void* filter = (const char*)args.filter + (long long)f * (FILTER_LEN * 4);
    void* spectrum = (char*)args.spectrum + (long long)f * M * (TILE_BYTES / 128);
    // Digit 1, 8 points: 4096 columns.
    for (int i = warp_id() * 32; i < 4096; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 4096;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 4096, rest = number % 4096;
      const column at = {q, (vi)0, rest, valid};
      outer_digit<8, 1, true>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 2, 16 points: 2048 columns.
    for (int i = warp_id() * 32; i < 2048; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 2048;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 256, rest = number % 256;
      const column at = {q, q, rest, valid};
      outer_digit<16, 8, false>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 3, 16 points: 2048 columns.
    for (int i = warp_id() * 32; i < 2048; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 2048;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 16, rest = number % 16;
      const column at = {q, q / 16 + q % 16 * 8, rest, valid};
      outer_digit<16, 128, false>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 4, 16 points: 2048 columns.
    for (int i = warp_id() * 32; i < 2048; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 2048;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 1, rest = number % 1;
      const column at = {q, q / 256 + q / 16 % 16 * 8 + q % 16 * 128, rest, valid};
      last_digit(args.tables, scratch, spectrum, at);
    }
    block_sync();
  }
}
