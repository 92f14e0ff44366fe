#include "component.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <mutex>

namespace fftconv_llvm {

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    LLVMInitializeAArch64TargetInfo();  // kernels for NEON are compiled here, to see that they can be
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

const std::string& host_cpu() {
  static const std::string name = llvm::sys::getHostCPUName().str();
  return name;
}

const std::vector<std::string>& host_features() {
  static const std::vector<std::string> features = [] {
    std::vector<std::string> list;
    for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
      std::string text(1, feature.second ? '+' : '-');
      text.append(feature.first());
      list.push_back(std::move(text));
    }
    std::sort(list.begin(), list.end());
    return list;
  }();
  return features;
}

namespace {

int host_has(const char* feature) {
  std::string wanted(1, '+');
  wanted.append(feature);
  return std::binary_search(host_features().begin(), host_features().end(), wanted) ? 1 : 0;
}

}  // namespace
}  // namespace fftconv_llvm

extern "C" __attribute__((visibility("default"))) const fftconv_llvm_functions* fftconv_llvm_component_v1() {
  using namespace fftconv_llvm;
  initialize();
  static const fftconv_llvm_functions functions = {
      FFTCONV_LLVM_ABI, LLVM_VERSION_STRING, host_cpu().c_str(), host_has, compile, link, symbol, unlink, read_cubin};
  return &functions;
}
