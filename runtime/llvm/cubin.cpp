// Reads what an ELF cubin says of its kernels, without NVIDIA's tools. The layout of .nv.info is not documented; the
// record numbers are those that every cubin of CUDA 11 to 13 carries.
#include <llvm/BinaryFormat/ELF.h>
#include <llvm/Object/ELF.h>
#include <llvm/Support/Endian.h>

#include <cstdio>
#include <map>

#include "component.h"

namespace fftconv_llvm {
namespace {

using llvm::StringRef;
using llvm::object::ELF64LE;
using File = llvm::object::ELFFile<ELF64LE>;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;
using llvm::support::endian::read64le;

constexpr unsigned machine_cuda = 190;
constexpr unsigned instruction_bytes = 16;  // sm_70 and later
constexpr unsigned opcode_branch = 0x947, opcode_uniform_branch = 0x547;

// Record numbers of .nv.info (symbol index, value).
constexpr unsigned info_frame_size = 0x11;
constexpr unsigned info_min_stack_size = 0x12;
constexpr unsigned info_register_count = 0x2f;

struct Opcode {
  unsigned number;
  const char* name;
};

// Low 12 bits of an instruction. The second digit group tells where the operands come from (register, constant,
// immediate, uniform register), so that one mnemonic has several numbers.
constexpr Opcode opcodes[] = {
    {0x202, "MOV"},       {0x802, "MOV"},        {0xa02, "MOV"},        {0xc02, "MOV"},       {0x805, "CS2R"},
    {0x207, "SEL"},       {0x807, "SEL"},        {0x20c, "ISETP"},      {0x80c, "ISETP"},     {0xa0c, "ISETP"},
    {0xc0c, "ISETP"},     {0x210, "IADD3"},      {0x810, "IADD3"},      {0xa10, "IADD3"},     {0xc10, "IADD3"},
    {0x211, "LEA"},       {0x811, "LEA"},        {0xc11, "LEA"},        {0x212, "LOP3"},      {0x812, "LOP3"},
    {0xc12, "LOP3"},      {0x216, "PRMT"},       {0x816, "PRMT"},       {0x219, "SHF"},       {0x819, "SHF"},
    {0x21a, "BREV"},      {0x81a, "DEPBAR"},     {0x81c, "PLOP3"},      {0x220, "FMUL"},      {0x820, "FMUL"},
    {0xc20, "FMUL"},      {0x221, "FADD"},       {0x421, "FADD"},       {0x821, "FADD"},      {0xc21, "FADD"},
    {0x223, "FFMA"},      {0x423, "FFMA"},       {0x823, "FFMA"},       {0xa23, "FFMA"},      {0xc23, "FFMA"},
    {0x224, "IMAD"},      {0x424, "IMAD"},       {0x824, "IMAD"},       {0xa24, "IMAD"},      {0xc24, "IMAD"},
    {0xe24, "IMAD"},      {0x225, "IMAD.WIDE"},  {0x825, "IMAD.WIDE"},  {0xa25, "IMAD.WIDE"}, {0xc25, "IMAD.WIDE"},
    {0xe25, "IMAD.WIDE"}, {0x230, "HADD2"},      {0x430, "HADD2"},      {0x830, "HADD2"},     {0x231, "HFMA2"},
    {0x431, "HFMA2"},     {0x831, "HFMA2"},      {0xc31, "HFMA2"},      {0x232, "HMUL2"},     {0x832, "HMUL2"},
    {0x235, "HFMA2.MMA"}, {0x835, "HFMA2.MMA"},  {0x236, "VIADD"},      {0x836, "VIADD"},     {0xc36, "VIADD"},
    {0x83b, "LDSM"},      {0x23c, "HMMA"},       {0x23e, "F2FP"},       {0x83e, "F2FP"},      {0x844, "STSM"},
    {0x882, "UMOV"},      {0xc82, "UMOV"},       {0x287, "USEL"},       {0x887, "USEL"},      {0x28c, "UISETP"},
    {0x88c, "UISETP"},    {0x290, "UIADD3"},     {0x890, "UIADD3"},     {0x291, "ULEA"},      {0x891, "ULEA"},
    {0x292, "ULOP3"},     {0x892, "ULOP3"},      {0x299, "USHF"},       {0x899, "USHF"},      {0x2a4, "UIMAD"},
    {0x8a4, "UIMAD"},     {0x2a5, "UIMAD.WIDE"}, {0x8a5, "UIMAD.WIDE"}, {0x8af, "LDGDEPBAR"}, {0xab9, "ULDC"},
    {0x2ca, "R2UR"},      {0x308, "MUFU"},       {0x30c, "F2F"},        {0x918, "NOP"},       {0x919, "S2R"},
    {0x91a, "DEPBAR"},    {0x31d, "BAR"},        {0x51d, "BAR"},        {0xb1d, "BAR"},       {0x941, "BSYNC"},
    {0x945, "BSSY"},      {0x547, "BRA"},        {0x947, "BRA"},        {0x948, "WARPSYNC"},  {0x94d, "EXIT"},
    {0x381, "LDG"},       {0x981, "LDG"},        {0xb82, "LDC"},        {0x383, "LDL"},       {0x983, "LDL"},
    {0x384, "LDS"},       {0x984, "LDS"},        {0x386, "STG"},        {0x986, "STG"},       {0x387, "STL"},
    {0x388, "STS"},       {0x988, "STS"},        {0x389, "SHFL"},       {0x589, "SHFL"},      {0xf89, "SHFL"},
    {0x992, "MEMBAR"},    {0x9ae, "LDGSTS"},     {0xfae, "LDGSTS"},     {0x9af, "LDGDEPBAR"}, {0x5b4, "UTMALDG"},
    {0x9c3, "S2UR"},      {0x3c4, "REDUX"},      {0xdf0, "HGMMA"},
};

std::string opcode_name(unsigned number) {
  for (const Opcode& opcode : opcodes) {
    if (opcode.number == number) return opcode.name;
  }
  char text[8];
  std::snprintf(text, sizeof text, "0x%03x", number);
  return text;
}

struct Kernel {
  int registers = 0, frame = 0, stack = 0;
  long long shared = 0;
  std::vector<std::string> code;  ///< mnemonics in order
  std::vector<fftconv_cubin_loop> loops;
};

unsigned opcode_number(StringRef code, long long i) { return read16le(code.data() + i * instruction_bytes) & 0xfffu; }

/// The sm number of a cubin: where it stands in the flags depends on the version of the ABI.
unsigned architecture(const File& file) {
  const auto& header = file.getHeader();
  const unsigned flags = header.e_flags;
  return header.e_ident[llvm::ELF::EI_ABIVERSION] >= 8 ? flags >> 8 & 0xff : flags & 0xff;
}

/// Where a branch goes, in instructions from the one after it: 48 bits of two words, and below them, since sm_90, 8
/// bits of the first; in units of 4 bytes.
long long branch_distance(const char* instruction, unsigned sm) {
  const std::uint64_t low = read64le(instruction), high = read64le(instruction + 8);
  const std::uint64_t upper = (high & 0x3ffff) << 30 | low >> 34;
  const bool has_lower = sm >= 90;
  const std::uint64_t words = has_lower ? upper << 8 | (low >> 16 & 0xff) : upper;
  const unsigned unused = has_lower ? 8 : 16;
  const auto sign_extended = static_cast<std::int64_t>(words << unused) >> unused;
  return sign_extended * 4 / static_cast<std::int64_t>(instruction_bytes);
}

/// A loop for each target of branches backwards; the branch to itself that ends the code is none.
std::vector<fftconv_cubin_loop> find_loops(StringRef code, long long count, unsigned sm) {
  std::map<long long, long long> last_of;
  for (long long i = 0; i < count; ++i) {
    const unsigned number = opcode_number(code, i);
    if (number != opcode_branch && number != opcode_uniform_branch) continue;
    const long long target = i + 1 + branch_distance(code.data() + i * instruction_bytes, sm);
    if (target >= 0 && target < i) last_of[target] = i;
  }
  std::vector<fftconv_cubin_loop> loops;
  for (const auto& [first, last] : last_of) loops.push_back({first, last});
  return loops;
}

// Calls visit(number, payload) for each record {u8 format, u8 number, u16 value or size, payload}.
template <class Visit>
bool for_each_record(StringRef data, Visit visit) {
  constexpr unsigned format_sized = 4;  // the others carry their value in the header
  while (data.size() >= 4) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    const unsigned format = bytes[0];
    const size_t size = format == format_sized ? read16le(bytes + 2) : 0;
    if (data.size() < 4 + size) return false;
    visit(unsigned{bytes[1]}, data.substr(4, size));
    data = data.drop_front(4 + size);
  }
  return data.empty();
}

class Reader {
 public:
  explicit Reader(const File& file) : file_(file) {}

  llvm::Error read() {
    auto sections = file_.sections();
    if (!sections) return sections.takeError();
    for (const auto& section : *sections) {
      if (auto error = visit_code(section)) return error;
    }
    for (const auto& section : *sections) {
      if (auto error = visit_facts(section)) return error;
    }
    return llvm::Error::success();
  }

  const std::map<std::string, Kernel>& kernels() const { return kernels_; }

 private:
  llvm::Expected<StringRef> contents(const File::Elf_Shdr& section) const {
    auto bytes = file_.getSectionContents(section);
    if (!bytes) return bytes.takeError();
    return StringRef(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }

  llvm::Error visit_code(const File::Elf_Shdr& section) {
    auto name = file_.getSectionName(section);
    if (!name) return name.takeError();
    if (!name->consume_front(".text.")) return llvm::Error::success();
    auto code = contents(section);
    if (!code) return code.takeError();
    Kernel& kernel = kernels_[name->str()];
    const auto count = static_cast<long long>(code->size() / instruction_bytes);
    for (long long i = 0; i < count; ++i) kernel.code.push_back(opcode_name(opcode_number(*code, i)));
    kernel.loops = find_loops(*code, count, architecture(file_));
    return llvm::Error::success();
  }

  llvm::Error visit_facts(const File::Elf_Shdr& section) {
    auto name = file_.getSectionName(section);
    if (!name) return name.takeError();
    if (name->consume_front(".nv.shared.")) {
      const auto found = kernels_.find(name->str());
      if (found != kernels_.end()) found->second.shared = static_cast<long long>(section.sh_size);
      return llvm::Error::success();
    }
    if (*name != ".nv.info") return llvm::Error::success();
    auto data = contents(section);
    if (!data) return data.takeError();
    llvm::Error failure = llvm::Error::success();
    const bool whole = for_each_record(*data, [&](unsigned number, StringRef payload) {
      if (failure || payload.size() < 8) return;
      if (number != info_register_count && number != info_frame_size && number != info_min_stack_size) return;
      auto symbol = symbol_name(read32le(payload.data()));
      if (!symbol) {
        failure = symbol.takeError();
        return;
      }
      const auto found = kernels_.find(symbol->str());
      if (found == kernels_.end()) return;
      const int value = static_cast<int>(read32le(payload.data() + 4));
      if (number == info_register_count) found->second.registers = value;
      if (number == info_frame_size) found->second.frame = value;
      if (number == info_min_stack_size) found->second.stack = value;
    });
    if (failure) return failure;
    if (!whole) return llvm::createStringError("a record of .nv.info runs past its end");
    return llvm::Error::success();
  }

  llvm::Expected<StringRef> symbol_name(unsigned index) const {
    auto sections = file_.sections();
    if (!sections) return sections.takeError();
    for (const auto& section : *sections) {
      if (section.sh_type != llvm::ELF::SHT_SYMTAB) continue;
      auto symbol = file_.getSymbol(&section, index);
      if (!symbol) return symbol.takeError();
      auto strings = file_.getStringTableForSymtab(section);
      if (!strings) return strings.takeError();
      return (*symbol)->getName(*strings);
    }
    return llvm::createStringError("the cubin has no symbol table");
  }

  const File& file_;
  std::map<std::string, Kernel> kernels_;
};

void report(const std::string& name, const Kernel& kernel, fftconv_cubin_sink sink, void* user) {
  std::vector<const char*> code;
  for (const std::string& mnemonic : kernel.code) code.push_back(mnemonic.c_str());
  const fftconv_cubin_kernel entry = {name.c_str(), kernel.registers,    kernel.frame,
                                      kernel.stack, kernel.shared,       code.data(),
                                      code.size(),  kernel.loops.data(), kernel.loops.size()};
  sink(user, &entry);
}

llvm::Error read(StringRef bytes, fftconv_cubin_sink sink, void* user) {
  auto file = File::create(bytes);
  if (!file) return file.takeError();
  if (file->getHeader().e_machine != machine_cuda) {
    return llvm::createStringError("the ELF file is for machine " + std::to_string(file->getHeader().e_machine) +
                                   ", not for CUDA (190)");
  }
  Reader reader(*file);
  if (auto error = reader.read()) return error;
  for (const auto& [name, kernel] : reader.kernels()) report(name, kernel, sink, user);
  return llvm::Error::success();
}

}  // namespace

int read_cubin(const char* cubin, size_t size, fftconv_cubin_sink kernel, void* kernel_user, fftconv_bytes_sink error,
               void* error_user) {
  // A heap copy is aligned as the structures of the file need it.
  const std::vector<char> aligned(cubin, cubin + size);
  llvm::Error failure = read(StringRef(aligned.data(), aligned.size()), kernel, kernel_user);
  if (!failure) return 0;
  const std::string text = llvm::toString(std::move(failure));
  error(error_user, text.data(), text.size());
  return 1;
}

}  // namespace fftconv_llvm
