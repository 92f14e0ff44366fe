// A device that hands everything on to another: tests override what they watch or break.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "fftconv/device.h"

namespace fftconv {

class ForwardingDevice : public Device {
 public:
  explicit ForwardingDevice(std::shared_ptr<Device> inner) : inner_(std::move(inner)) {}

  const DeviceFacts& facts() const override { return inner_->facts(); }
  int ordinal() const override { return inner_->ordinal(); }
  const DeviceFacts& identity() const override { return inner_->identity(); }
  std::string driver_version() const override { return inner_->driver_version(); }
  std::string compiler_version() const override { return inner_->compiler_version(); }
  std::string caveat() const override { return inner_->caveat(); }
  Result<CompiledKernel> compile(const KernelSource& source) override { return inner_->compile(source); }
  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                   const CompiledKernel& kernel) override {
    return inner_->load(source, kernel);
  }
  Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes) override { return inner_->allocate(bytes); }
  Result<void> upload(void* to, const void* from, std::size_t bytes) override {
    return inner_->upload(to, from, bytes);
  }
  Result<void> download(void* to, const void* from, std::size_t bytes) override {
    return inner_->download(to, from, bytes);
  }
  Result<void> synchronize(Stream stream) override { return inner_->synchronize(stream); }
  bool is_capturing(Stream stream) const override { return inner_->is_capturing(stream); }
  std::unique_ptr<BackgroundScope> enter_background() override { return inner_->enter_background(); }
  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args, bool cold,
                        const KernelArgs* warm) override {
    return inner_->sample(kernel, entry, args, cold, warm);
  }

 protected:
  Device& inner() const { return *inner_; }

 private:
  std::shared_ptr<Device> inner_;
};

}  // namespace fftconv
