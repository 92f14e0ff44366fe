// Two neighbouring samples in one word, fp16.
FFTCONV_DEVICE floats samples_of(vu x) { return {f16x2_low(x), f16x2_high(x)}; }
FFTCONV_DEVICE vu word_of(floats x) { return pack_f16x2(x.x, x.y); }
