// fftconv: fused long convolution, y[b][h] = k[h] * u[b][h], circular, emitted for sm_90a.
//
// problem  circular/L1280/k1280/b*/h*/io-bf16/bf16/forward
// config   p3:5x16x16/fused/mma-bf16/rows1/warps5/loop0/depth2/filter-mem/twiddle-mem/nvrtc/paired
//
// Monarch transform of order 3: M = 1280 = N1 = 5, N2 = 16, N3 = 16, M >= L = 1280.
// Two rows ride in one complex transform of length L: k * (u1 + i u2) = y1 + i y2.
// Digits are transformed outermost first, the inverse runs back; the spectrum keeps digit-reversed order and
// nothing is reordered. Stage scaling is orthonormal. Half-shifted DFT matrices, phi = (q - theta) / Q,
//   A_q[k][n] = exp(-2 pi i (n + phi)(k + phi) / N) / sqrt(N)
// absorb all twiddles but the one before the last digit; what phase they leave depends on transformed digits
// only, so forward and inverse cancel it.
//
// The cost model expects, per complex point: 0.125 matrix products (m16n8k16), 75.1 issue slots,
// 32.0 bytes of shared memory; 15760 bytes of shared memory a block.

// ---- constants ----
constexpr int L = 1280;  // samples of a row
constexpr int M = 1280;  // points of a transform
constexpr int N1_OUTER = 5;  // digits outside the core; 1 where there is none
constexpr int N2_OUTER = 1;
constexpr int Q = 5;  // slabs in shared memory: N1_OUTER N2_OUTER
constexpr int R = 16;  // the core's digits
constexpr int C = 16;
constexpr int WARPS = 5;  // that share one transform
constexpr int ROWS = 1;  // transforms in flight in a block
constexpr int LOOP = 0;  // transforms one after another; 0 = the whole batch
constexpr int DEPTH = 2;  // slots of input
constexpr int RIDERS = 2;  // rows in one transform
constexpr bool PAIRED = true;  // row 0 + i row 1
constexpr int COPY = 16;  // bytes of an access of a row in global memory
constexpr int SWIZZLE = 4;  // of chunks
constexpr int FILTER_LEN = 1280;  // taps
constexpr int FIRST_LAG = 0;  // lag of tap 0
constexpr int LAG_STEP = 1;  // from tap to tap
constexpr bool CIRCULAR = true;  // lags modulo L
// Tables, byte offsets.
constexpr int TABLE_A = 0;  // A of the core's rows, one for each slab
constexpr int A_STRIDE = 1024;
constexpr int TABLE_T = 5120;  // twiddle of the core, one for each slab
constexpr int TABLE_T_TRANSPOSED = 5120;
constexpr int T_STRIDE = 1024;
constexpr int TABLE_W_LEFT = 10240;  // DFT of C points
constexpr int TABLE_W_RIGHT = 11264;
constexpr int TABLE_ROOTS = 12288;  // exp(-2 pi i j / M), fp32
constexpr int TABLE_WEIGHTS = 12288;  // exp(2 pi i theta n / M), fp32
constexpr int SPECTRUM_BLOCKS = 256;  // blocks of the spectrum kernel at most
constexpr int SPECTRUM_THREADS = 256;

// ---- convolution ----
// A of the first digit.
constexpr float FIRST_RE[5][5] = {
    {0x1.c9f25cp-2f, 0x1.c9f25cp-2f, 0x1.c9f25cp-2f, 0x1.c9f25cp-2f, 0x1.c9f25cp-2f},
    {0x1.c9f25cp-2f, 0x1.1b06d2p-3f, -0x1.727c98p-2f, -0x1.727c98p-2f, 0x1.1b06d2p-3f},
    {0x1.c9f25cp-2f, -0x1.727c98p-2f, 0x1.1b06d2p-3f, 0x1.1b06d2p-3f, -0x1.727c98p-2f},
    {0x1.c9f25cp-2f, -0x1.727c98p-2f, 0x1.1b06d2p-3f, 0x1.1b06d2p-3f, -0x1.727c98p-2f},
    {0x1.c9f25cp-2f, 0x1.1b06d2p-3f, -0x1.727c98p-2f, -0x1.727c98p-2f, 0x1.1b06d2p-3f},
};
constexpr float FIRST_IM[5][5] = {
    {-0x0p+0f, -0x0p+0f, -0x0p+0f, -0x0p+0f, -0x0p+0f},
    {-0x0p+0f, -0x1.b3888p-2f, -0x1.0d2cap-2f, 0x1.0d2cap-2f, 0x1.b3888p-2f},
    {-0x0p+0f, -0x1.0d2cap-2f, 0x1.b3888p-2f, -0x1.b3888p-2f, 0x1.0d2cap-2f},
    {-0x0p+0f, 0x1.0d2cap-2f, -0x1.b3888p-2f, 0x1.b3888p-2f, -0x1.0d2cap-2f},
    {-0x0p+0f, 0x1.b3888p-2f, 0x1.0d2cap-2f, -0x1.0d2cap-2f, -0x1.b3888p-2f},
};

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

FFTCONV_KERNEL(fftconv_convolution, 160, 3)(const fftconv_args args) {
  const int warp = warp_id() % WARPS, group = warp_id() / WARPS, channel = block_x();
  const memory_matrix w_left = {args.tables, TABLE_W_LEFT}, w_right = {args.tables, TABLE_W_RIGHT};
  const column_matrices<resident_matrix> columns = {make_resident(w_left), make_resident(w_right)};
  const int transforms = ((int)args.batch + RIDERS - 1) / RIDERS;
  const int first = block_y() * ROWS * LOOP + group;
  const int past = LOOP == 0 || (block_y() + 1) * ROWS * LOOP > transforms ? transforms : (block_y() + 1) * ROWS * LOOP;
  const vi spectrum = (vi)(group * 15760);
  const vi slots = spectrum + SPECTRUM_BYTES;
  // The first DEPTH - 1 transforms are under way before the loop.
  for (int d = 0; d < DEPTH - 1; ++d) {
    const int ahead = first + d * ROWS;
    if (ahead < past) load_transform(args, ahead, channel, slots + d * (RIDERS * IO_ROW), warp);
    cp_async_commit();
  }
  int use = 0;
#pragma unroll 1
  for (int i = first; i < past; i += ROWS) {
    // This transform's rows have arrived, and all have left the slot that is loaded next.
    cp_async_wait<DEPTH - 2>();
    transform_sync(group);
    const int ahead = i + (DEPTH - 1) * ROWS, free = (use + DEPTH - 1) % DEPTH;
    if (ahead < past) load_transform(args, ahead, channel, slots + free * (RIDERS * IO_ROW), warp);
    cp_async_commit();
    const vi slot = slots + use * (RIDERS * IO_ROW);
    use = use + 1 == DEPTH ? 0 : use + 1;

    // Digit 1, 5 points on CUDA cores: u1 + i u2 -> Z[k1].
#pragma unroll 1
    for (int turn = 0; turn < 1; ++turn) {
      const int unit = warp + turn * WARPS;
      if (unit >= 4) break;
      const int base = unit / (R * C / 64);
      const int i = unit % (R * C / 64) * 32;
      const vi io = slot + io_slab_offset(0, base), slab = spectrum + slab_offset(0, base);
      const outer_columns at = {io, io + IO_ROW, IO_STEP1, slab, SLAB_STEP1};
      fma_from_real<5, PAIRED>(at, i, FIRST_RE, FIRST_IM);
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
    // Inverse digit 1, 5 points on CUDA cores: Z[k1] -> y1 + i y2.
#pragma unroll 1
    for (int turn = 0; turn < 1; ++turn) {
      const int unit = warp + turn * WARPS;
      if (unit >= 4) break;
      const int base = unit / (R * C / 64);
      const int i = unit % (R * C / 64) * 32;
      const vi io = slot + io_slab_offset(0, base), slab = spectrum + slab_offset(0, base);
      const outer_columns at = {io, io + IO_ROW, IO_STEP1, slab, SLAB_STEP1};
      fma_to_real<5, PAIRED>(at, i, FIRST_RE, FIRST_IM);
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
    // Digit 1, 5 points: 256 columns.
    for (int i = warp_id() * 32; i < 256; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 256;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 256, rest = number % 256;
      const column at = {q, (vi)0, rest, valid};
      outer_digit<5, 1, true>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 2, 16 points: 80 columns.
    for (int i = warp_id() * 32; i < 80; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 80;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 16, rest = number % 16;
      const column at = {q, q, rest, valid};
      outer_digit<16, 5, false>(filter, args.tables, scratch, at);
    }
    block_sync();
    // Digit 3, 16 points: 80 columns.
    for (int i = warp_id() * 32; i < 80; i += SPECTRUM_THREADS) {
      const vp valid = lane_id() + i < 80;
      const vi number = select(valid, lane_id() + i, (vi)0), q = number / 1, rest = number % 1;
      const column at = {q, q / 16 + q % 16 * 5, rest, valid};
      last_digit(args.tables, scratch, spectrum, at);
    }
    block_sync();
  }
}
