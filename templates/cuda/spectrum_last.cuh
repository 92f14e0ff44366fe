// The last digit goes to fragment order. Slab q = at.q / R, row a = at.q % R.
FFTCONV_DEVICE void last_digit(const void* tables, const void* scratch, void* spectrum, const column& at) {
  complex x[C];
  load_column<C, M / C, false>(nullptr, tables, scratch, at, x);
  const vi slab = at.q / R, a = at.q % R;
  const vi tiles = (slab * (R / 16) + (a >> 4)) * (C / 8 * TILE_BYTES);
#pragma unroll 1
  for (int t = 0; t < C / 2; ++t) {
    store_spectrum_points(spectrum, tiles + (t / 4) * TILE_BYTES, a & 15, t % 4, dft_output<C>(tables, x, 2 * t),
                          dft_output<C>(tables, x, 2 * t + 1), at.valid);
  }
}
