// Parts of the component, one file each.
#pragma once

#include <string>
#include <vector>

#include "../src/llvm_component_abi.h"

namespace fftconv_llvm {

int compile(const fftconv_clang_job* job, fftconv_bytes_sink object, void* object_user,
            fftconv_bytes_sink diagnostics, void* diagnostics_user);

int link(const char* object, size_t size, const fftconv_symbol* helpers, size_t helper_count, void** linked,
         fftconv_bytes_sink error, void* error_user);
void* symbol(void* linked, const char* name);
void unlink(void* linked);

int read_cubin(const char* cubin, size_t size, fftconv_cubin_sink kernel, void* kernel_user, fftconv_bytes_sink error,
               void* error_user);

/// What compiled code may call without asking: memory and mathematics functions, conversions of halves.
const std::vector<fftconv_symbol>& builtin_symbols();

/// Registers the targets; called before anything else, any number of times.
void initialize();
const std::string& host_cpu();
/// "+avx2", "-sse4a", … sorted.
const std::vector<std::string>& host_features();

}  // namespace fftconv_llvm
