// Samples in memory that are of the type of the arithmetic.
#pragma once
#include "vectors.h"

using sample = real;

FFTCONV_INLINE part widened(const part& s) { return s; }
FFTCONV_INLINE part narrowed(const part& v) { return v; }
