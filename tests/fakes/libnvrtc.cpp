// A libnvrtc that compiles nothing: its cubin is the text "FAKE name name …" that the fake libcuda loads.
// FFTCONV_FAKE_COMPILE_S: what a compilation takes.
#include <time.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Program {
  std::string cubin = "FAKE";
};

/// Names of the entries: FFTCONV_KERNEL(name, …) but for the macro's own definition.
void add_entries(std::string& cubin, const std::string& text) {
  const std::string macro = "FFTCONV_KERNEL(";
  for (std::size_t at = text.find(macro); at != std::string::npos; at = text.find(macro, at + 1)) {
    if (at >= 8 && text.compare(at - 8, 8, "#define ") == 0) continue;
    const std::size_t begin = at + macro.size();
    cubin += " " + text.substr(begin, text.find(',', begin) - begin);
  }
}

}  // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return 0;
}
const char* nvrtcGetErrorString(int) { return "scripted failure"; }
int nvrtcCreateProgram(Program** program, const char* text, const char*, int, const char* const*,
                       const char* const*) {
  *program = new Program;
  add_entries((*program)->cubin, text);
  return 0;
}
int nvrtcDestroyProgram(Program** program) {
  delete *program;
  return 0;
}
int nvrtcCompileProgram(Program*, int, const char* const*) {
  const char* scripted = std::getenv("FFTCONV_FAKE_COMPILE_S");
  const double seconds = scripted ? std::atof(scripted) : 0;
  const timespec time = {static_cast<time_t>(seconds), static_cast<long>(std::fmod(seconds, 1.0) * 1e9)};
  if (seconds > 0) nanosleep(&time, nullptr);
  return 0;
}
int nvrtcGetProgramLogSize(Program*, std::size_t* size) {
  *size = 1;
  return 0;
}
int nvrtcGetProgramLog(Program*, char* log) {
  *log = 0;
  return 0;
}
int nvrtcGetCUBINSize(Program* program, std::size_t* size) {
  *size = program->cubin.size();
  return 0;
}
int nvrtcGetCUBIN(Program* program, char* cubin) {
  std::memcpy(cubin, program->cubin.data(), program->cubin.size());
  return 0;
}
int nvrtcGetPTXSize(Program* program, std::size_t* size) { return nvrtcGetCUBINSize(program, size); }
int nvrtcGetPTX(Program* program, char* ptx) { return nvrtcGetCUBIN(program, ptx); }

}  // extern "C"
