// Samples are fp32: no word holds two. (A branch that is discarded must still have names.)
FFTCONV_DEVICE floats samples_of(vu x) { return {as_float(x), (vf)0.0f}; }
FFTCONV_DEVICE vu word_of(floats x) { return as_uint(x.x); }
