// I/O type fp16, another type in registers.
FFTCONV_DEVICE real_pair io_pair(vu x) { return make_pair(f16x2_low(x), f16x2_high(x)); }
FFTCONV_DEVICE vu io_word(real_pair x) { return pack_f16x2(first(x), second(x)); }
