// Two neighbouring points k_p = 2 t, 2 t + 1 of row a of the tile that starts at `tile_offset`.
FFTCONV_DEVICE void store_spectrum_points(void* spectrum, vi tile_offset, vi a, int t, complex x, complex y,
                                         vp valid) {
  const vi lane = (a & 7) * 4 + t;
  stg_u32x2(spectrum, tile_offset + lane * 16 + ((a >> 3) & 1) * 8,
            {make_pair(x.re, y.re).v, make_pair(x.im, y.im).v}, valid);
}
