// fftconv: fused long convolution, y[b][h] = k[h] * u[b][h], bidirectional, emitted for sm_90a.
//
// problem  bidirectional/L14113/k101/b*/h*/io-f32/f32/forward
// config   p4:4x16x16x16/fused/mma-split/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc
//
// Monarch transform of order 4: M = 16384 = N1 = 4, N2 = 16, N3 = 16, N4 = 16, M >= L = 14113.
// Right-angle transform: products modulo x^M - i, frequencies k - 1/4; y is the real part.
// Digits are transformed outermost first, the inverse runs back; the spectrum keeps digit-reversed order and
// nothing is reordered. Stage scaling is orthonormal. Half-shifted DFT matrices, phi = (q - theta) / Q,
//   A_q[k][n] = exp(-2 pi i (n + phi)(k + phi) / N) / sqrt(N)
// absorb all twiddles but the one before the last digit; what phase they leave depends on transformed digits
// only, so forward and inverse cancel it.
//
// The cost model expects, per complex point: 0.656 matrix products (m16n8k16), 162.5 issue slots,
// 80.0 bytes of shared memory; 198784 bytes of shared memory a block.

// ---- constants ----
constexpr int L = 14113;  // samples of a row
constexpr int M = 16384;  // points of a transform
constexpr int N1_OUTER = 4;  // digits outside the core; 1 where there is none
constexpr int N2_OUTER = 16;
constexpr int Q = 64;  // slabs in shared memory: N1_OUTER N2_OUTER
constexpr int R = 16;  // the core's digits
constexpr int C = 16;
constexpr int WARPS = 8;  // that share one transform
constexpr int ROWS = 1;  // transforms in flight in a block
constexpr int LOOP = 0;  // transforms one after another; 0 = the whole batch
constexpr int DEPTH = 1;  // slots of input
constexpr int RIDERS = 1;  // rows in one transform
constexpr bool PAIRED = false;  // row 0 + i row 1
constexpr int COPY = 4;  // bytes of an access of a row in global memory
constexpr int SWIZZLE = 4;  // of chunks
constexpr int FILTER_LEN = 101;  // taps
constexpr int FIRST_LAG = -50;  // lag of tap 0
constexpr int LAG_STEP = 1;  // from tap to tap
constexpr bool CIRCULAR = false;  // lags modulo L
// Tables, byte offsets.
constexpr int TABLE_FIRST = 0;  // A of the first digit in shared memory
constexpr int TABLE_SECOND = 2048;  // A of the second digit, one for each k1
constexpr int SECOND_STRIDE = 2048;
constexpr int TABLE_A = 10240;  // A of the core's rows, one for each slab
constexpr int A_STRIDE = 2048;
constexpr int TABLE_T = 141312;  // twiddle of the core, one for each slab
constexpr int TABLE_T_TRANSPOSED = 141312;
constexpr int T_STRIDE = 2048;
constexpr int TABLE_W_LEFT = 272384;  // DFT of C points
constexpr int TABLE_W_RIGHT = 274432;
constexpr int TABLE_ROOTS = 276480;  // exp(-2 pi i j / M), fp32
constexpr int TABLE_WEIGHTS = 407552;  // exp(2 pi i theta n / M), fp32
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
// Starts the copy of transform i's rows into a slot; rows past the batch are zero.
FFTCONV_DEVICE void load_transform(const fftconv_args& args, int i, int channel, vi slot, int warp) {
#pragma unroll
  for (int rider = 0; rider < RIDERS; ++rider) {
    const int row = i * RIDERS + rider;
    const bool present = row < (int)args.batch;
    load_row((const char*)args.u + row_bytes(args, present ? row : 0, channel), present,
             slot + rider * IO_ROW, warp);
  }
}
FFTCONV_DEVICE void store_transform(const fftconv_args& args, int i, int channel, vi slot, int warp) {
#pragma unroll
  for (int rider = 0; rider < RIDERS; ++rider) {
    const int row = i * RIDERS + rider;
    if (row < (int)args.batch) {
      store_row((char*)args.y + row_bytes(args, row, channel), slot + rider * IO_ROW, warp);
    }
  }
}
FFTCONV_DEVICE int filter_of(const fftconv_args& args, int row, int channel) {
  return channel;
}
FFTCONV_DEVICE slab_tables tables_of(const fftconv_args& args, int filter, int q) {
  const void* spectrum = (const char*)args.spectrum + (long long)filter * M * (TILE_BYTES / 128);
  return {{args.tables, TABLE_A + q * A_STRIDE}, args.tables, spectrum, TABLE_T + q * T_STRIDE,
          TABLE_T_TRANSPOSED + q * T_STRIDE, q * T_STRIDE};
}

FFTCONV_KERNEL(fftconv_convolution, 256, 1)(const fftconv_args args) {
  const int warp = warp_id() % WARPS, group = warp_id() / WARPS, channel = block_x();
  const memory_matrix first_in_memory = {args.tables, TABLE_FIRST};
  const resident_matrix first_matrix = make_resident(first_in_memory);
  const memory_matrix w_left = {args.tables, TABLE_W_LEFT}, w_right = {args.tables, TABLE_W_RIGHT};
  const column_matrices<resident_matrix> columns = {make_resident(w_left), make_resident(w_right)};
  const int transforms = ((int)args.batch + RIDERS - 1) / RIDERS;
  const int first = block_y() * ROWS * LOOP + group;
  const int past = LOOP == 0 || (block_y() + 1) * ROWS * LOOP > transforms ? transforms : (block_y() + 1) * ROWS * LOOP;
  const vi spectrum = (vi)(group * 198784);
  const vi slots = spectrum + SPECTRUM_BYTES;
#pragma unroll 1
  for (int i = first; i < past; i += ROWS) {
    transform_sync(group);  // all have left the slot
    const vi slot = slots;
    load_transform(args, i, channel, slot, warp);
    cp_async_commit();
    cp_async_wait<0>();
    transform_sync(group);

    // Digit 1, 4 points on tensor cores: real u -> Z[k1], half the work.
#pragma unroll 1
    for (int turn = 0; turn < 8; ++turn) {
      const int unit = warp + turn * WARPS;
      const int base = unit / 4;
      const int set = unit % 4, h = 0;
      const int r = set / 2 * 8 + set % 2 * 2;  // and 3 more of the same 8
      const vi io = slot + io_slab_offset(0, base), slab = spectrum + slab_offset(0, base);
      const outer_unit at = {io, io + IO_ROW, IO_STEP1, slab, SLAB_STEP1, r, h};
      outer_from_real<4, 2>(at, first_matrix);
    }
    transform_sync(group);
    // Digit 2, 16 points on tensor cores, in place, for each k1.
    for (int k1 = warp % N1_OUTER; k1 < N1_OUTER; k1 += N1_OUTER) {
      const vi slab = spectrum + slab_offset(k1, 0);
      const memory_matrix in_memory = {args.tables, TABLE_SECOND + k1 * SECOND_STRIDE};
      const resident_matrix a = make_resident(in_memory);
      for (int unit = warp / N1_OUTER; unit < 16; unit += 2) {
        const int set = unit % 16, h = 0;
        const int r = set;
        const outer_unit at = {slab, slab, 0, slab, SLAB_STEP2, r, h};
        outer_complex<16, 2, false, ends::spectrum, ends::spectrum>(at, a);
      }
    }
    transform_sync(group);
    // The core's digits, the filter, and back, in registers: 16 x 16 points a slab, in place.
    for (int q = warp; q < Q; q += WARPS) {
      const vi slab = spectrum + slab_offset(q / N2_OUTER, q % N2_OUTER);
      const slab_tables in_memory = tables_of(args, filter_of(args, 0, channel), q);
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
    // Inverse digit 2, 16 points on tensor cores, in place, for each k1.
    for (int k1 = warp % N1_OUTER; k1 < N1_OUTER; k1 += N1_OUTER) {
      const vi slab = spectrum + slab_offset(k1, 0);
      const memory_matrix in_memory = {args.tables, TABLE_SECOND + k1 * SECOND_STRIDE};
      const resident_matrix a = make_resident(in_memory);
      for (int unit = warp / N1_OUTER; unit < 16; unit += 2) {
        const int set = unit % 16, h = 0;
        const int r = set;
        const outer_unit at = {slab, slab, 0, slab, SLAB_STEP2, r, h};
        outer_complex<16, 2, true, ends::spectrum, ends::spectrum>(at, a);
      }
    }
    transform_sync(group);
    // Inverse digit 1, 4 points on tensor cores: Z[k1] -> real y, half the work.
#pragma unroll 1
    for (int turn = 0; turn < 8; ++turn) {
      const int unit = warp + turn * WARPS;
      const int base = unit / 4;
      const int set = unit % 4, h = 0;
      const int r = set / 2 * 8 + set % 2 * 2;  // and 3 more of the same 8
      const vi io = slot + io_slab_offset(0, base), slab = spectrum + slab_offset(0, base);
      const outer_unit at = {io, io + IO_ROW, IO_STEP1, slab, SLAB_STEP1, r, h};
      outer_to_real<4, 2>(at, first_matrix);
    }
    transform_sync(group);

    store_transform(args, i, channel, slot, warp);
  }
}

// ---- filter spectrum ----
FFTCONV_KERNEL(fftconv_spectrum, SPECTRUM_THREADS, 1)(const fftconv_args args) {
  void* scratch = (char*)args.scratch + (long long)block_x() * (M * 8);
  for (int f = block_x(); f < (int)args.filters; f += SPECTRUM_BLOCKS) {
    const void* filter = (const char*)args.filter + (long long)f * (FILTER_LEN * 4);
    void* spectrum = (char*)args.spectrum + (long long)f * M * (TILE_BYTES / 128);
    // Digit 1, 4 points: 4096 columns.
    for (int i = warp_id() * 32; i < 4096; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 4096;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 4096, rest = number % 4096;
      const column at = {q, (vi)0, rest, valid};
      outer_digit<4, 1, true>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 2, 16 points: 1024 columns.
    for (int i = warp_id() * 32; i < 1024; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 1024;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 256, rest = number % 256;
      const column at = {q, q, rest, valid};
      outer_digit<16, 4, false>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 3, 16 points: 1024 columns.
    for (int i = warp_id() * 32; i < 1024; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 1024;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 16, rest = number % 16;
      const column at = {q, q / 16 + q % 16 * 4, rest, valid};
      outer_digit<16, 64, false>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 4, 16 points: 1024 columns.
    for (int i = warp_id() * 32; i < 1024; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 1024;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 1, rest = number % 1;
      const column at = {q, q / 256 + q / 16 % 16 * 4 + q % 16 * 64, rest, valid};
      last_digit(args.tables, scratch, spectrum, at);
    }
    block_sync();
  }
}
