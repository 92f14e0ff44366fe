#include "file_system.h"

#include <fmt/format.h>
#include <sys/vfs.h>

#include <cerrno>
#include <system_error>

namespace fftconv {
namespace {

struct SharedFileSystem {
  std::uint32_t type;
  const char* name;
};

// From linux/magic.h, and of those that are not part of the kernel from their own sources.
constexpr SharedFileSystem shared_file_systems[] = {
    {0x00006969, "NFS"},    {0x0000517B, "SMB"},      {0xFF534D42, "CIFS"},     {0xFE534D42, "SMB2"},
    {0x5346414F, "AFS"},    {0x6B414653, "AFS"},      {0x73757245, "Coda"},     {0x0000564C, "NCP"},
    {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},     {0x00C36400, "CephFS"},   {0x19830326, "BeeGFS"},
    {0x01021997, "9p"},     {0x65735546, "FUSE"},     {0x7461636F, "OCFS2"},    {0x01161970, "GFS2"},
    {0xAAD7AAEA, "PanFS"},  {0x20030528, "OrangeFS"}, {0xBEEFDEAD, "StorNext"}, {0x013111A8, "IBRIX"},
    {0x61636673, "ACFS"},   {0xA501FCF5, "VxFS"},     {0x786F4256, "vboxsf"},   {0xBACBACBC, "vmhgfs"},
    {0x7C7C6673, "prl_fs"},
};

}  // namespace

Result<std::uint32_t> file_system_type(const std::filesystem::path& file) {
  struct statfs info {};
  int result = 0;
  while ((result = statfs(file.c_str(), &info)) != 0 && errno == EINTR) continue;
  if (result != 0)
    return Error{ErrorCode::io, fmt::format("cannot tell what file system {} lies on: {}", file.string(),
                                            std::generic_category().message(errno))};
  return static_cast<std::uint32_t>(info.f_type);
}

const char* shared_file_system(std::uint32_t type) {
  for (const SharedFileSystem& known : shared_file_systems)
    if (known.type == type) return known.name;
  return nullptr;
}

}  // namespace fftconv
