# Writes OUTPUT, a C++ file that holds FILES (JSON lines) as one text, line by line: a single literal has a size that
# compilers limit, and a line is one trial.
set(code "#include \"shipped_lines.h\"\n\nnamespace fftconv {\nnamespace {\n")
string(APPEND code "constexpr std::string_view lines[] = {\n    \"\",\n")
foreach(file IN LISTS FILES)
  # A line break becomes the end of one literal and the start of the next.
  file(READ ${file} text)
  string(REPLACE "\n" ")fftconv~\",\n    R\"fftconv~(" text "${text}")
  string(APPEND code "    R\"fftconv~(${text})fftconv~\",\n")
endforeach()
string(APPEND code "};\n}  // namespace\n\nstd::span<const std::string_view> shipped_lines() { return lines; }\n"
       "}  // namespace fftconv\n")
file(WRITE ${OUTPUT} "${code}")
