// What a CUDA compiler's log says: the first error, and what each entry uses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fftconv::cuda {

/// One "Compiling entry function" section of `ptxas -v`.
struct EntryUsage {
  std::string name;
  int registers = 0;
  int stack_bytes = 0;  ///< local memory a thread, spills and arrays alike
  int spill_stores = 0;
  int spill_loads = 0;
  std::int64_t shared_bytes = 0;  ///< static
  bool operator==(const EntryUsage&) const = default;
};

std::vector<EntryUsage> parse_entry_usage(std::string_view log);

struct LogError {
  int line = 0;  ///< of the source text; 0 where the log does not say
  std::string text;
};

/// The first error of NVRTC ("kernel.cu(12): error: …") or ptxas ("line 23; error : …"); empty text if there is none.
LogError first_error(std::string_view log);

}  // namespace fftconv::cuda
