// CompiledKernel: what a compiler made of a KernelSource.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fftconv {

enum class BinaryFormat {
  cubin,  ///< CUDA ELF
  ptx,
  object,         ///< host relocatable object for the JIT linker
  shared_object,  ///< host shared object, made by an installed compiler
  portable,       ///< nothing but a mark: the kernel was built with the library
};

/// The bytes of a binary of format portable.
inline constexpr const char* portable_mark = "fftconv portable kernel\n";

struct CompiledKernel {
  BinaryFormat format = BinaryFormat::object;
  std::vector<std::byte> binary;
  int registers = 0;    ///< a thread, of the convolution entry; 0 = unknown
  int spill_bytes = 0;  ///< stores plus loads, a thread
  std::int64_t static_shared_bytes = 0;
  double compile_s = 0;
  bool from_cache = false;
  std::string log;
};

}  // namespace fftconv
