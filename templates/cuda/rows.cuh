// Rows between global and shared memory. COPY is the widest access that every row's address allows: 16 bytes where L
// is a multiple of the chunk, down to 2 for odd L in 16-bit types. Samples from L to M are zero.
constexpr int COPY_SAMPLES = COPY / IO_SIZE;
constexpr int ROW_THREADS = WARPS * 32;

// `samples` is L, or 0 for a row that is not there.
FFTCONV_DEVICE void load_row(const void* row, int samples, vi slot, int warp) {
#pragma unroll 4
  for (int i = warp * 32; i < M / COPY_SAMPLES; i += ROW_THREADS) {
    const vi n = (lane_id() + i) * COPY_SAMPLES;
    const vi to = slot + io_offset(n);
    if constexpr (COPY == 16) cp_async_16(to, row, n * IO_SIZE, n < samples);
    if constexpr (COPY == 8) cp_async_8(to, row, n * IO_SIZE, n < samples);
    if constexpr (COPY == 4) cp_async_4(to, row, n * IO_SIZE, n < samples);
    if constexpr (COPY == 2) sts_u16(to, ldg_u16(row, n * IO_SIZE, n < samples));
  }
}

FFTCONV_DEVICE void store_row(void* row, vi slot, int warp) {
#pragma unroll 4
  for (int i = warp * 32; i < M / COPY_SAMPLES; i += ROW_THREADS) {
    const vi n = (lane_id() + i) * COPY_SAMPLES;
    const vi from = slot + io_offset(n);
    if constexpr (COPY == 16) stg_u32x4(row, n * IO_SIZE, lds_u32x4(from, n < L), n < L);
    if constexpr (COPY == 8) stg_u32x2(row, n * IO_SIZE, lds_u32x2(from, n < L), n < L);
    if constexpr (COPY == 4) stg_u32(row, n * IO_SIZE, lds_u32(from, n < L), n < L);
    if constexpr (COPY == 2) stg_u16(row, n * IO_SIZE, lds_u16(from, n < L), n < L);
  }
}
