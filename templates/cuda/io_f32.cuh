// Rows of u and y in shared memory, I/O type fp32: slabs of 16-byte chunks of 4 neighbouring c. The exclusive-or lets
// lanes that read column by column (the operands) and copies along c both run without bank conflicts.
constexpr int IO_SLAB = R * C * 4 + 16;
constexpr int IO_STEP2 = IO_SLAB;
constexpr int IO_STEP1 = N2_OUTER * IO_SLAB + (N2_OUTER % 2 == 0 ? 16 : 0);
constexpr int IO_ROW = N1_OUTER * IO_STEP1;  // bytes of one row
constexpr int IO_SIZE = 4;

FFTCONV_DEVICE int io_slab_offset(int i1, int i2) { return i1 * IO_STEP1 + i2 * IO_STEP2; }
FFTCONV_DEVICE vi io_chunk(vi r, vi h4) {
  const vi s = C == 16 ? ((h4 << 1) | (h4 & 1)) & 7 : h4 & 7;
  return ((r & 7) ^ s) * 16 + (r >> 3) * 128 + h4 * (R * 16);
}
// Byte offset in a slab of its sample n.
FFTCONV_DEVICE vi io_offset(vi n) {
  const vi r = n / C, c = n % C;
  return io_chunk(r, c >> 2) + (c & 3) * 4;
}

// One number of column c = 8 h + g, k over slabs `step` bytes apart.
template <int D>
FFTCONV_DEVICE vf io_number(vi row, int step, vi k, int r, int h) {
  return as_float(lds_u32(row + digit_of<D>(k) * step +
                          io_chunk(row_of_digit<D>(k) + r, (lane_g() >> 2) + 2 * h) + (lane_g() & 3) * 4));
}
template <int D>
FFTCONV_DEVICE operand io_across(vi row, int step, int first, int r, int h) {
  const vi k = lane_t() * 2 + first;
  return to_operand(make_pair(io_number<D>(row, step, k, r, h), io_number<D>(row, step, k + 1, r, h)));
}
// Operands of a digit of D points over slabs `step` bytes apart, at (r, h) and (r, h + 1).
template <int D>
FFTCONV_DEVICE operand4 io_operands_across(vi row, int step, int r, int h) {
  return {io_across<D>(row, step, 0, r, h), io_across<D>(row, step, 8, r, h), io_across<D>(row, step, 0, r, h + 1),
          io_across<D>(row, step, 8, r, h + 1)};
}
// Operands whose k runs over r .. r + 15 of one slab.
FFTCONV_DEVICE operand io_within(vi slab, int r, int h) {
  const vi column = (lane_g() >> 2) + 2 * h, k = lane_t() * 2 + r, word = (lane_g() & 3) * 4;
  return to_operand(make_pair(as_float(lds_u32(slab + io_chunk(k, column) + word)),
                              as_float(lds_u32(slab + io_chunk(k + 1, column) + word))));
}
FFTCONV_DEVICE operand4 io_operands_within(vi slab, int r, int h) {
  return {io_within(slab, r, h), io_within(slab, r + 8, h), io_within(slab, r, h + 1), io_within(slab, r + 8, h + 1)};
}
FFTCONV_DEVICE real_pair io_load(vi slab, vi r, vi h, vi t) {
  const u32x2 v = lds_u32x2(slab + io_chunk(r, h * 2 + (t >> 1)) + (t & 1) * 8);
  return make_pair(as_float(v.x), as_float(v.y));
}
FFTCONV_DEVICE void io_store(vi slab, vi r, vi h, vi t, real_pair x) {
  sts_u32x2(slab + io_chunk(r, h * 2 + (t >> 1)) + (t & 1) * 8, {as_uint(first(x)), as_uint(second(x))});
}
