// Who includes whom: the modules depend on each other in one direction, read from the include lines.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path root = FFTCONV_SOURCE_DIR;

/// Modules from the bottom up; each may use itself and those below it.
const std::vector<std::string> modules = {"templates", "generator", "tuning_db", "runtime", "tools"};

bool is_cpp(const fs::path& file) { return file.extension() == ".h" || file.extension() == ".cpp"; }

/// Names in quotes or angle brackets of a file's include lines.
std::vector<std::string> includes_of(const fs::path& file) {
  std::vector<std::string> names;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t directive = line.find_first_not_of(" \t");
    if (directive == std::string::npos || line.compare(directive, 8, "#include") != 0) continue;
    const std::size_t begin = line.find_first_of("\"<", directive);
    const std::size_t end = begin == std::string::npos ? begin : line.find_first_of("\">", begin + 1);
    if (end != std::string::npos) names.push_back(line.substr(begin + 1, end - begin - 1));
  }
  return names;
}

/// fftconv/<name>.h -> index of the module that owns it.
std::map<std::string, std::size_t> public_headers() {
  std::map<std::string, std::size_t> owner;
  for (std::size_t module = 0; module < modules.size(); ++module) {
    const fs::path include = root / modules[module] / "include";
    if (!fs::exists(include)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(include)) {
      if (is_cpp(entry.path())) owner[fs::relative(entry.path(), include).string()] = module;
    }
  }
  return owner;
}

/// "runtime/src/plan.cpp includes fftconv/tuner.h of tools", one for each include that points upwards.
std::vector<std::string> upward_includes(const std::map<std::string, std::size_t>& owner, std::size_t module,
                                         const fs::path& file) {
  std::vector<std::string> found;
  for (const std::string& name : includes_of(file)) {
    const auto header = owner.find(name);
    if (header == owner.end() || header->second <= module) continue;
    found.push_back(fs::relative(file, root).string() + " includes " + name + " of " + modules[header->second]);
  }
  return found;
}

}  // namespace

TEST_CASE("No module includes a header of a module above it") {
  const auto owner = public_headers();
  REQUIRE(owner.size() > 20);
  std::size_t files = 0;
  for (std::size_t module = 1; module < modules.size(); ++module) {  // templates are data, not includers
    for (const auto& entry : fs::recursive_directory_iterator(root / modules[module])) {
      if (!is_cpp(entry.path())) continue;
      ++files;
      for (const std::string& finding : upward_includes(owner, module, entry.path())) FAIL_CHECK(finding);
    }
  }
  CHECK(files > 30);
}

TEST_CASE("An include that points upwards is found") {
  const fs::path file = fs::temp_directory_path() / "fftconv_layering_test.cpp";
  std::ofstream(file) << "#include <vector>\n  #include \"fftconv/problem.h\"\n#include <fftconv/plan.h>\n";
  const auto found = upward_includes(public_headers(), 1, file);
  fs::remove(file);
  REQUIRE(found.size() == 1);
  CHECK(found[0].find("fftconv/plan.h of runtime") != std::string::npos);
}

TEST_CASE("Every public header has a name of its own across the modules") {
  std::set<std::string> seen;
  for (const std::string& module : modules) {
    const fs::path include = root / module / "include";
    if (!fs::exists(include)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(include)) {
      if (is_cpp(entry.path())) CHECK_MESSAGE(seen.insert(entry.path().filename()).second, entry.path());
    }
  }
}

TEST_CASE("Only the LLVM component includes LLVM and clang") {
  for (const std::string& module : modules) {
    for (const auto& entry : fs::recursive_directory_iterator(root / module)) {
      if (!is_cpp(entry.path()) || entry.path().string().find("/runtime/llvm/") != std::string::npos) continue;
      for (const std::string& name : includes_of(entry.path())) {
        CHECK_MESSAGE(!(name.starts_with("llvm/") || name.starts_with("clang/")), entry.path());
      }
    }
  }
}
