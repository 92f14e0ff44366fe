#include "kernel_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <optional>

namespace fftconv {
namespace {

KernelKey key_of(const KernelSource& source, const Device& device) {
  return {.source_digest = source.digest,
          .arch = source.arch,
          .compiler = device.compiler_version(),
          .options = fmt::format("{}", fmt::join(source.options, "\n"))};
}

// The cache keeps bytes; what they are can be read from them. ELF has its magic and a type, of which 3 is a shared
// object; CUDA's machine number is 190.
BinaryFormat format_of(const std::vector<std::byte>& binary) {
  constexpr std::size_t kType = 16, kMachine = 18;
  if (binary.size() == std::strlen(portable_mark) && std::memcmp(binary.data(), portable_mark, binary.size()) == 0) {
    return BinaryFormat::portable;
  }
  const auto at = [&](std::size_t i) { return std::to_integer<int>(binary[i]); };
  const bool elf = binary.size() > kMachine + 1 && at(0) == 0x7f && at(1) == 'E' && at(2) == 'L' && at(3) == 'F';
  if (!elf) return BinaryFormat::ptx;
  if (at(kMachine) == 190) return BinaryFormat::cubin;
  return at(kType) == 3 ? BinaryFormat::shared_object : BinaryFormat::object;
}

}  // namespace

KernelStore::KernelStore(std::shared_ptr<Device> device, KernelCache cache, LogCallback log)
    : device_(std::move(device)), log_(std::move(log)), cache_(std::move(cache)) {}

Result<KernelStore::Ready> KernelStore::get(const KernelSource& source, bool may_compile) {
  const std::string key = source.digest + " " + to_string(source.problem);
  const auto in_use = [&]() -> Ready {
    const std::lock_guard lock(ready_mutex_);
    const auto found = ready_.find(key);
    return found == ready_.end() ? nullptr : found->second.lock();
  };
  if (Ready kernel = in_use()) return kernel;
  // A caller that must not compile does not wait for another's compilation, and its miss is not theirs.
  return making_.join(key + (may_compile ? "" : " cached"), [&]() -> Result<Ready> {
    if (Ready kernel = in_use()) return kernel;  // made between the look above and here
    Result<Ready> made = make(source, may_compile);
    const std::lock_guard lock(ready_mutex_);
    std::erase_if(ready_, [](const auto& entry) { return entry.second.expired(); });
    if (made) ready_[key] = *made;
    return made;
  });
}

Result<KernelStore::Ready> KernelStore::make(const KernelSource& source, bool may_compile) {
  const KernelKey key = key_of(source, *device_);
  if (std::optional<CompiledKernel> cached = find_cached(key)) {
    Result<Ready> loaded = load(source, std::move(*cached));
    if (loaded || !may_compile) return loaded;
    say(fmt::format("A cached binary of {} does not load ({}); it is compiled again.", to_string(source.config),
                    loaded.error().message));
  }
  if (!may_compile) {
    return Error{ErrorCode::not_found, fmt::format("No binary of {} is cached: plan once with a rigor that compiles.",
                                                   to_string(source.config))};
  }
  Result<CompiledKernel> compiled = compile(source, key);
  if (!compiled) return compiled.error();
  return load(source, std::move(compiled).value());
}

std::optional<CompiledKernel> KernelStore::find_cached(const KernelKey& key) {
  const std::lock_guard lock(cache_mutex_);
  std::optional<CachedKernel> cached = cache_.find(key);
  if (!cached) return std::nullopt;
  CompiledKernel kernel;
  kernel.format = format_of(cached->binary);
  kernel.binary = std::move(cached->binary);
  kernel.registers = cached->registers;
  kernel.spill_bytes = cached->spill_bytes;
  kernel.static_shared_bytes = cached->static_shared_bytes;
  kernel.from_cache = true;
  kernel.log = std::move(cached->log);
  return kernel;
}

Result<CompiledKernel> KernelStore::compile(const KernelSource& source, const KernelKey& key) {
  return compiling_.join(source.digest, [&]() -> Result<CompiledKernel> {
    Result<CompiledKernel> compiled = device_->compile(source);
    if (!compiled) return compiled;
    store(key, *compiled);
    return compiled;
  });
}

void KernelStore::store(const KernelKey& key, const CompiledKernel& kernel) {
  const std::lock_guard lock(cache_mutex_);
  const Result<void> stored = cache_.put(key, {.binary = kernel.binary,
                                               .registers = kernel.registers,
                                               .spill_bytes = kernel.spill_bytes,
                                               .static_shared_bytes = kernel.static_shared_bytes,
                                               .log = kernel.log});
  if (!stored) say(fmt::format("A binary was not stored: {}", stored.error().message));
}

std::optional<CompiledKernel> KernelStore::cached(const KernelSource& source) {
  return find_cached(key_of(source, *device_));
}

void KernelStore::keep(const KernelSource& source, const CompiledKernel& kernel) {
  store(key_of(source, *device_), kernel);
}

Result<KernelStore::Ready> KernelStore::load(const KernelSource& source, CompiledKernel compiled) {
  // On whatever thread: a search compiles ahead on several, and another thread may be capturing a stream.
  const std::unique_ptr<BackgroundScope> scope = device_->enter_background();
  Result<std::shared_ptr<const LoadedKernel>> loaded = device_->load(source, compiled);
  if (!loaded) return loaded.error();
  auto kernel = std::make_shared<ReadyKernel>();
  kernel->device = device_;
  kernel->source = source;
  kernel->compiled = std::move(compiled);
  kernel->loaded = std::move(loaded).value();
  if (!source.tables.empty()) {
    Result<std::unique_ptr<DeviceBuffer>> tables = device_->allocate(source.tables.size());
    if (!tables) return tables.error();
    if (auto copied = device_->upload((*tables)->data(), source.tables.data(), source.tables.size()); !copied) {
      return copied.error();
    }
    kernel->tables = std::move(tables).value();
  }
  return Ready(std::move(kernel));
}

void KernelStore::say(const std::string& line) const {
  if (log_) log_(line);
}

}  // namespace fftconv
