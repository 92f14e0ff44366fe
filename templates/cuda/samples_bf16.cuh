// Two neighbouring samples in one word, bf16.
FFTCONV_DEVICE floats samples_of(vu x) { return {bf16x2_low(x), bf16x2_high(x)}; }
FFTCONV_DEVICE vu word_of(floats x) { return pack_bf16x2(x.x, x.y); }
