#include "cpu/shared_code.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fftconv {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#else
constexpr Elf64_Half kMachine = EM_AARCH64;
#endif

/// The descriptor stays open as long as the code is loaded: the loader takes equal names for one file, and another
/// file with this descriptor's number would have its name.
class SharedCode : public LinkedObject {
 public:
  SharedCode(void* handle, int descriptor) : handle_(handle), descriptor_(descriptor) {}
  ~SharedCode() override {
    dlclose(handle_);
    close(descriptor_);
  }
  SharedCode(const SharedCode&) = delete;
  SharedCode& operator=(const SharedCode&) = delete;
  void* symbol(const std::string& name) const override { return dlsym(handle_, name.c_str()); }

 private:
  void* handle_;
  int descriptor_;
};

bool write_all(int descriptor, const std::vector<std::byte>& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(descriptor, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += static_cast<std::size_t>(written);
  }
  return true;
}

/// Whether all segments lie within the file: the loader maps what is missing, and who touches it is ended.
bool has_its_segments(const std::vector<std::byte>& binary, const Elf64_Ehdr& header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > binary.size()) return false;
  if (header.e_phnum > (binary.size() - header.e_phoff) / sizeof(Elf64_Phdr)) return false;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, binary.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_offset > binary.size() || segment.p_filesz > binary.size() - segment.p_offset) return false;
  }
  return true;
}

}  // namespace

bool is_shared_object(const std::vector<std::byte>& binary) {
  Elf64_Ehdr header;
  if (binary.size() < sizeof header) return false;
  std::memcpy(&header, binary.data(), sizeof header);
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_type == ET_DYN && header.e_machine == kMachine && has_its_segments(binary, header);
}

Result<std::unique_ptr<LinkedObject>> load_shared_code(const std::vector<std::byte>& binary) {
  const int descriptor = memfd_create("fftconv kernel", MFD_CLOEXEC);
  if (descriptor < 0 || !write_all(descriptor, binary)) {
    const Error error{ErrorCode::io, fmt::format("A kernel could not be put into memory: {}.", strerror(errno))};
    if (descriptor >= 0) close(descriptor);
    return error;
  }
  void* handle = dlopen(fmt::format("/proc/self/fd/{}", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* reason = dlerror();
    const Error error{ErrorCode::damaged, fmt::format("The loader refuses the kernel ({}): compile it again.",
                                                      reason ? reason : "no reason given")};
    close(descriptor);
    return error;
  }
  return std::unique_ptr<LinkedObject>(std::make_unique<SharedCode>(handle, descriptor));
}

}  // namespace fftconv
