// I/O type bf16, another type in registers.
FFTCONV_DEVICE real_pair io_pair(vu x) { return make_pair(bf16x2_low(x), bf16x2_high(x)); }
FFTCONV_DEVICE vu io_word(real_pair x) { return pack_bf16x2(first(x), second(x)); }
