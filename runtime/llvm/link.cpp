// ORC: turns an object into code of this process. An object sees the helpers it was given and the builtins, nothing
// else of the process.
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Object/ObjectFile.h>

#include <atomic>
#include <map>
#include <mutex>

#include "component.h"

namespace fftconv_llvm {
namespace {

using llvm::orc::LLJIT;

std::string text_of(llvm::Error error) { return llvm::toString(std::move(error)); }

// What the session reports beside the error of a lookup: it says which symbols are missing.
thread_local std::string* session_log = nullptr;

// One linker for the process. Never destroyed: linked code may run until the very end.
llvm::Expected<LLJIT*> jit() {
  static std::mutex mutex;
  static LLJIT* instance = nullptr;
  const std::lock_guard lock(mutex);
  if (instance) return instance;
  auto made = llvm::orc::LLJITBuilder()
                  .setLinkProcessSymbolsByDefault(false)
                  .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                  .create();
  if (!made) return made.takeError();
  (*made)->getExecutionSession().setErrorReporter([](llvm::Error error) {
    std::string text = text_of(std::move(error));
    if (session_log) *session_log += text + "\n";
  });
  instance = made->release();
  return instance;
}

struct Linked {
  llvm::orc::JITDylib* library = nullptr;
  std::map<std::string, void*> symbols;
};

llvm::Error define(LLJIT& jit, llvm::orc::JITDylib& library, const fftconv_symbol* helpers, size_t count) {
  llvm::orc::SymbolMap map;
  const auto add = [&](const fftconv_symbol& symbol) {
    map[jit.mangleAndIntern(symbol.name)] = {llvm::orc::ExecutorAddr::fromPtr(symbol.address),
                                             llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  for (const fftconv_symbol& symbol : builtin_symbols()) add(symbol);
  for (size_t i = 0; i < count; ++i) add(helpers[i]);
  return library.define(llvm::orc::absoluteSymbols(std::move(map)));
}

llvm::Expected<std::vector<std::string>> defined_symbols(llvm::MemoryBufferRef object) {
  auto file = llvm::object::ObjectFile::createObjectFile(object);
  if (!file) return file.takeError();
  std::vector<std::string> names;
  for (const llvm::object::SymbolRef& symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    if (!flags) return flags.takeError();
    using llvm::object::BasicSymbolRef;
    if ((*flags & BasicSymbolRef::SF_Undefined) || !(*flags & BasicSymbolRef::SF_Global)) continue;
    auto name = symbol.getName();
    if (!name) return name.takeError();
    names.push_back(name->str());
  }
  return names;
}

llvm::Error link_into(Linked& linked, llvm::MemoryBufferRef object, const fftconv_symbol* helpers, size_t count) {
  auto names = defined_symbols(object);
  if (!names) return names.takeError();
  auto linker = jit();
  if (!linker) return linker.takeError();
  static std::atomic<unsigned> serial = 0;
  llvm::orc::ExecutionSession& session = (*linker)->getExecutionSession();
  linked.library = &session.createBareJITDylib("object" + std::to_string(serial++));
  if (auto error = define(**linker, *linked.library, helpers, count)) return error;
  if (auto error = (*linker)->addObjectFile(
          *linked.library, llvm::MemoryBuffer::getMemBufferCopy(object.getBuffer(), object.getBufferIdentifier()))) {
    return error;
  }
  llvm::orc::SymbolLookupSet wanted;
  for (const std::string& name : *names) wanted.add(session.intern(name));
  auto found = session.lookup({{linked.library, llvm::orc::JITDylibLookupFlags::MatchAllSymbols}}, std::move(wanted));
  if (!found) return found.takeError();
  for (const auto& [name, definition] : *found) {
    linked.symbols[(*name).str()] = definition.getAddress().toPtr<void*>();
  }
  return llvm::Error::success();
}

}  // namespace

int link(const char* object, size_t size, const fftconv_symbol* helpers, size_t helper_count, void** result,
         fftconv_bytes_sink error_sink, void* error_user) {
  initialize();
  std::string log;
  session_log = &log;
  auto linked = std::make_unique<Linked>();
  llvm::Error error =
      link_into(*linked, llvm::MemoryBufferRef(llvm::StringRef(object, size), "object"), helpers, helper_count);
  session_log = nullptr;
  if (error) {
    const std::string text = log + text_of(std::move(error));
    error_sink(error_user, text.data(), text.size());
    unlink(linked.release());
    return 1;
  }
  *result = linked.release();
  return 0;
}

void* symbol(void* linked, const char* name) {
  const auto& symbols = static_cast<Linked*>(linked)->symbols;
  const auto found = symbols.find(name);
  return found == symbols.end() ? nullptr : found->second;
}

void unlink(void* handle) {
  const std::unique_ptr<Linked> linked(static_cast<Linked*>(handle));
  if (!linked->library) return;
  auto linker = jit();
  if (!linker) return llvm::consumeError(linker.takeError());
  llvm::consumeError((*linker)->getExecutionSession().removeJITDylib(*linked->library));
}

}  // namespace fftconv_llvm
