// Rows of u and y in shared memory, 16-bit I/O: slabs of one plane, laid out as the spectrum's.
constexpr int IO_SLAB = PLANE + 16;
constexpr int IO_STEP2 = IO_SLAB;
constexpr int IO_STEP1 = N2_OUTER * IO_SLAB + (N2_OUTER % 2 == 0 ? 16 : 0);
constexpr int IO_ROW = N1_OUTER * IO_STEP1;  // bytes of one row
constexpr int IO_SIZE = 2;

FFTCONV_DEVICE int io_slab_offset(int i1, int i2) { return i1 * IO_STEP1 + i2 * IO_STEP2; }
// Byte offset in a slab of its sample n.
FFTCONV_DEVICE vi io_offset(vi n) {
  const vi r = n / C, c = n % C;
  return chunk_offset_of(r, c >> 3) + (c & 7) * 2;
}

FFTCONV_DEVICE operand io_operand(vu x) { return to_operand(io_pair(x)); }

// Operands of a digit of D points over slabs `step` bytes apart, at (r, h) and (r, h + 1).
template <int D>
FFTCONV_DEVICE operand4 io_operands_across(vi row, int step, int r, int h) {
  const vi k = lane_k();
  const u32x4 v = ldmatrix_x4_trans(row + digit_of<D>(k) * step + chunk_offset_of(row_of_digit<D>(k) + r, lane_h() + h));
  return {io_operand(v.x), io_operand(v.y), io_operand(v.z), io_operand(v.w)};
}
// Operands whose k runs over r .. r + 15 of one slab, at h and h + 1.
FFTCONV_DEVICE operand4 io_operands_within(vi slab, int r, int h) {
  const u32x4 v = ldmatrix_x4_trans(slab + chunk_offset_of(lane_k() + r, lane_h() + h));
  return {io_operand(v.x), io_operand(v.y), io_operand(v.z), io_operand(v.w)};
}
// Numbers 2 t and 2 t + 1 of the chunk (r, h).
FFTCONV_DEVICE real_pair io_load(vi slab, vi r, vi h, vi t) {
  return io_pair(lds_u32(slab + chunk_offset_of(r, h) + t * 4));
}
FFTCONV_DEVICE void io_store(vi slab, vi r, vi h, vi t, real_pair x) {
  sts_u32(slab + chunk_offset_of(r, h) + t * 4, io_word(x));
}
