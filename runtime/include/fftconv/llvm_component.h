// The loadable LLVM component: clang in process and the ORC JIT linker, behind a C interface, opened with dlopen on
// first use. Without it the core, the CUDA device and every tool still work and say what is missing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fftconv/result.h"

namespace fftconv {

struct ClangJob {
  std::string source;                  ///< C++20 text without includes
  std::string file_name;               ///< for diagnostics
  std::string triple;                  ///< empty: the host's
  std::string cpu;                     ///< empty: the host's (-target-cpu, with its features)
  std::vector<std::string> arguments;  ///< further cc1 arguments: "-O2", "-ffp-contract=fast", "-DNAME=1" …
  bool debug_lines = false;
};

struct ClangOutput {
  std::vector<std::byte> object;  ///< host object, or PTX text where the triple is nvptx64
  std::string diagnostics;
  double seconds = 0;
};

/// Machine code linked into this process; unloaded with the object.
class LinkedObject {
 public:
  virtual ~LinkedObject() = default;
  virtual void* symbol(const std::string& name) const = 0;  ///< null where there is none
};

/// Instructions first … last of a kernel, by their index: the last branches back to the first.
struct CubinLoop {
  std::int64_t first = 0, last = 0;
  bool operator==(const CubinLoop&) const = default;
};

/// What an ELF cubin says of its kernels.
struct CubinKernel {
  std::string name;
  int registers = 0;
  int frame_bytes = 0;
  int stack_bytes = 0;
  std::int64_t shared_bytes = 0;
  std::vector<std::string> code;  ///< mnemonics, or hexadecimal numbers of unknown ones, in order
  std::vector<CubinLoop> loops;   ///< by their first instruction

  /// Instructions of that mnemonic among first … last.
  std::int64_t count(const std::string& mnemonic, const CubinLoop& among) const;
  std::int64_t count(const std::string& mnemonic) const;
};

class LlvmComponent {
 public:
  virtual ~LlvmComponent() = default;
  virtual std::string version() const = 0;                      ///< "19.1.7"
  virtual std::string host_cpu() const = 0;                     ///< "znver5"
  virtual bool host_has(const std::string& feature) const = 0;  ///< "avx512f", "avx2", "fma"
  virtual Result<ClangOutput> compile(const ClangJob& job) = 0;
  /// Links an object; `helpers` are the only symbols that it may import besides compiler builtins (memcpy …).
  virtual Result<std::unique_ptr<LinkedObject>> link(const std::vector<std::byte>& object,
                                                     const std::vector<std::pair<std::string, void*>>& helpers) = 0;
  virtual Result<std::vector<CubinKernel>> read_cubin(const std::vector<std::byte>& cubin) = 0;
};

/// The component, loaded once; dependency_missing with a sentence that says what to install and what that costs.
Result<LlvmComponent*> llvm_component();

}  // namespace fftconv
