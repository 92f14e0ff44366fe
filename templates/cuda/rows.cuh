// Rows between global and shared memory. COPY is the widest access that every row's address allows: 16 bytes where L
// is a multiple of the chunk, down to 2 for odd L in 16-bit types. Samples from L to M are zero. A warp takes whole
// slabs, so that a lane's place in a slab is the same for all of them.
constexpr int COPY_SAMPLES = COPY / IO_SIZE;
constexpr int PARTS = R * C / COPY_SAMPLES / 32;  // accesses of a lane for a slab
constexpr int PART_UNROLL = PARTS <= 8 ? PARTS : 4;
constexpr int SLAB_TURNS = (Q + WARPS - 1) / WARPS;
constexpr bool WHOLE = L == M;  // no sample to leave out

// `present` is false for a row that is not there: zeros.
FFTCONV_DEVICE void load_row(const void* row, bool present, vi slot, int warp) {
#pragma unroll
  for (int turn = 0; turn < SLAB_TURNS; ++turn) {
    const int slab = warp + turn * WARPS;
    if (Q % WARPS != 0 && slab >= Q) break;
    const vi to = slot + io_slab_offset(slab / N2_OUTER, slab % N2_OUTER);
#pragma unroll PART_UNROLL
    for (int part = 0; part < PARTS; ++part) {
      const vi n = (lane_id() + part * 32) * COPY_SAMPLES;
      const vi at = to + io_offset(n), from = n * IO_SIZE + slab * (R * C * IO_SIZE);
      if constexpr (WHOLE && RIDERS == 1) {
        if constexpr (COPY == 16) cp_async_16(at, row, from);
        if constexpr (COPY == 8) cp_async_8(at, row, from);
        if constexpr (COPY == 4) cp_async_4(at, row, from);
      } else {
        const vp there = n + slab * (R * C) < (present ? L : 0);
        if constexpr (COPY == 16) cp_async_16(at, row, from, there);
        if constexpr (COPY == 8) cp_async_8(at, row, from, there);
        if constexpr (COPY == 4) cp_async_4(at, row, from, there);
        if constexpr (COPY == 2) sts_u16(at, ldg_u16(row, from, there));
      }
    }
  }
}

FFTCONV_DEVICE void store_row(void* row, vi slot, int warp) {
#pragma unroll
  for (int turn = 0; turn < SLAB_TURNS; ++turn) {
    const int slab = warp + turn * WARPS;
    if (Q % WARPS != 0 && slab >= Q) break;
    const vi from = slot + io_slab_offset(slab / N2_OUTER, slab % N2_OUTER);
#pragma unroll PART_UNROLL
    for (int part = 0; part < PARTS; ++part) {
      const vi n = (lane_id() + part * 32) * COPY_SAMPLES;
      const vi at = from + io_offset(n), to = n * IO_SIZE + slab * (R * C * IO_SIZE);
      if constexpr (WHOLE && COPY == 16) {
        stg_u32x4(row, to, lds_u32x4(at));
      } else {
        const vp there = n + slab * (R * C) < L;
        if constexpr (COPY == 16) stg_u32x4(row, to, lds_u32x4(at, there), there);
        if constexpr (COPY == 8) stg_u32x2(row, to, lds_u32x2(at, there), there);
        if constexpr (COPY == 4) stg_u32(row, to, lds_u32(at, there), there);
        if constexpr (COPY == 2) stg_u16(row, to, lds_u16(at, there), there);
      }
    }
  }
}
