// The filter as a polynomial. Right angle (mod z^M - i): a tap at lag l >= 0 stands at z^l, one at lag -m at
// -i z^(M - m), since z^-m = -i z^(M - m). Circular convolution of L samples has each tap at lags l and l - L.
// Paired (mod z^M - 1): a tap at lag l stands at z^(l mod M).
#pragma once
#include "vectors.h"

FFTCONV_INLINE void add_tap(real* z, index position, int imaginary, real value) {
  real* at = z + position / columns * block + imaginary * lanes + position % columns;
  for (int r = 0; r < rows; ++r) at[r * columns] += value;
}

// Blocks first … last - 1 of the polynomial 0.
FFTCONV_SHARED void clear_blocks(real* z, index first, index last) {
  for (index i = first * block; i < last * block; ++i) z[i] = 0;
}

// Taps first … last - 1, each at a place of its own. 1 / M makes up for the factors that the joins leave out.
FFTCONV_SHARED void place_taps(const real* taps, real* z, index first, index last) {
  constexpr real scale = (real)(1.0 / (double)length);
  for (index j = first; j < last; ++j) {
    const real value = taps[j] * scale;
    index lag = first_lag + lag_step * j;
    if (circular_filter) {
      lag = lag < 0 ? lag + seqlen : lag;
      if (!paired && lag > 0) add_tap(z, length + lag - seqlen, 1, -value);
    }
    if (lag >= 0)
      add_tap(z, lag, 0, value);
    else if (paired)
      add_tap(z, length + lag, 0, value);
    else
      add_tap(z, length + lag, 1, -value);
  }
}
