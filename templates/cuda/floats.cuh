// Two neighbouring numbers in fp32, for what runs on CUDA cores.
struct floats {
  vf x, y;
};
FFTCONV_DEVICE floats unpack(real_pair p) { return {first(p), second(p)}; }
FFTCONV_DEVICE real_pair repack(floats c) { return make_pair(c.x, c.y); }
FFTCONV_DEVICE floats zero_floats() { return {(vf)0.0f, (vf)0.0f}; }
FFTCONV_DEVICE void add_product(floats& c, floats a, vf w) {
  c.x = fma_f32(a.x, w, c.x);
  c.y = fma_f32(a.y, w, c.y);
}
FFTCONV_DEVICE void load_complex(vi at, floats& re, floats& im) {
  re = unpack(load_pair(at, PLANE));
  im = unpack(load_pair(at + IMAGINARY, PLANE));
}
FFTCONV_DEVICE void store_complex(vi at, floats re, floats im) {
  store_pair(at, PLANE, repack(re));
  store_pair(at + IMAGINARY, PLANE, repack(im));
}
