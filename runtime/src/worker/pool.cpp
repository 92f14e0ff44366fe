#include "worker/pool.h"

#include <fmt/format.h>
#include <unistd.h>

#include "fftconv/settings.h"

namespace fftconv {
namespace {

std::int64_t machine_memory() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::int64_t>(sysconf(_SC_PAGE_SIZE));
}

bool is_program(const std::filesystem::path& file) { return !file.empty() && access(file.c_str(), X_OK) == 0; }

}  // namespace

std::filesystem::path find_worker() {
  const std::string& named = settings().worker;
  if (named == "off") return {};
  if (!named.empty()) return is_program(named) ? std::filesystem::path(named) : std::filesystem::path();
  std::error_code ignored;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  for (const std::filesystem::path& file :
       {self.parent_path() / "fftconv-worker", std::filesystem::path(FFTCONV_INSTALL_BINDIR) / "fftconv-worker"}) {
    if (is_program(file)) return file;
  }
  return {};
}

Result<std::shared_ptr<WorkerPool>> make_worker_pool(const WorkerOptions& options) {
  WorkerOptions complete = options;
  if (complete.program.empty()) complete.program = find_worker();
  if (!is_program(complete.program)) {
    return Error{ErrorCode::not_found,
                 fmt::format("There is no worker program{}{}: install fftconv-worker beside the tools, or name it in "
                             "FFTCONV_WORKER.",
                             complete.program.empty() ? "" : " at ", complete.program.string())};
  }
  if (complete.limits.memory_bytes <= 0) complete.limits.memory_bytes = machine_memory() / 4 * 3;
  return std::make_shared<WorkerPool>(std::move(complete));
}

Result<std::unique_ptr<worker::Process>> WorkerPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) {
      auto process = std::move(waiting_.back());
      waiting_.pop_back();
      return process;
    }
  }
  return start();
}

Result<std::unique_ptr<worker::Process>> WorkerPool::start() const {
  return worker::Process::start(options_.program, options_.limits.memory_bytes);
}

void WorkerPool::give_back(std::unique_ptr<worker::Process> process) {
  if (!process || process->dead()) return;
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(process));
}

}  // namespace fftconv
