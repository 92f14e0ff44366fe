// The I/O type is the engine's own: no conversion.
FFTCONV_DEVICE real_pair io_pair(vu x) { return {x}; }
FFTCONV_DEVICE vu io_word(real_pair x) { return x.v; }
