// The C interface between the core library and the LLVM component, which is its own shared object.
// Only plain types cross it: the two sides may be linked against different C++ libraries and different sanitizers.
#ifndef FFTCONV_LLVM_COMPONENT_ABI_H
#define FFTCONV_LLVM_COMPONENT_ABI_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raised whenever anything below changes; a component of another number is refused.
#define FFTCONV_LLVM_ABI 2
/// Name of the one exported function, of type fftconv_llvm_entry.
#define FFTCONV_LLVM_ENTRY "fftconv_llvm_component_v1"

/// Receives bytes; called at most once for each result.
typedef void (*fftconv_bytes_sink)(void* user, const char* data, size_t size);

typedef struct {
  const char* source;
  size_t source_size;
  const char* file_name;
  const char* triple;           /* "" = the host's */
  const char* cpu;              /* "" = the host's, with its features */
  const char* const* arguments; /* cc1 arguments */
  size_t argument_count;
  int debug_lines;
} fftconv_clang_job;

typedef struct {
  const char* name;
  void* address;
} fftconv_symbol;

/// Instructions first … last, by their index: the last branches back to the first.
typedef struct {
  long long first;
  long long last;
} fftconv_cubin_loop;

/// What a cubin says of one kernel; the arrays are valid during the call only.
typedef struct {
  const char* name;
  int registers;
  int frame_bytes;
  int stack_bytes;
  long long shared_bytes;
  const char* const* code; /* mnemonics of all instructions in order */
  size_t code_count;
  const fftconv_cubin_loop* loops;
  size_t loop_count;
} fftconv_cubin_kernel;

typedef void (*fftconv_cubin_sink)(void* user, const fftconv_cubin_kernel* kernel);

/// Functions that can fail return 0 for success; otherwise `diagnostics` (or `error`) has received the reason.
typedef struct {
  int abi;
  const char* version;
  const char* host_cpu;
  int (*host_has)(const char* feature);
  int (*compile)(const fftconv_clang_job* job, fftconv_bytes_sink object, void* object_user,
                 fftconv_bytes_sink diagnostics, void* diagnostics_user);
  /// Links; `linked` receives a handle for symbol() and unlink().
  int (*link)(const char* object, size_t size, const fftconv_symbol* helpers, size_t helper_count, void** linked,
              fftconv_bytes_sink error, void* error_user);
  void* (*symbol)(void* linked, const char* name);
  void (*unlink)(void* linked);
  int (*read_cubin)(const char* cubin, size_t size, fftconv_cubin_sink kernel, void* kernel_user,
                    fftconv_bytes_sink error, void* error_user);
} fftconv_llvm_functions;

typedef const fftconv_llvm_functions* (*fftconv_llvm_entry)(void);

#ifdef __cplusplus
}
#endif
#endif
