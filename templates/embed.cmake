# Writes OUTPUT, a C++ file that holds the text of FILES under their names relative to ROOT.
set(code "#include \"fftconv/templates.h\"\n\nnamespace fftconv {\nnamespace {\n")
set(table "")
set(index 0)
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name ${ROOT} ${file})
  file(READ ${file} text)
  string(APPEND code "constexpr char text_${index}[] = R\"fftconv~(${text})fftconv~\";\n")
  string(APPEND table "    {\"${name}\", std::string_view(text_${index}, sizeof text_${index} - 1)},\n")
  math(EXPR index "${index} + 1")
endforeach()
string(APPEND code "constexpr Template table[] = {\n${table}};\n}  // namespace\n\n"
       "std::span<const Template> templates() { return table; }\n}  // namespace fftconv\n")
file(WRITE ${OUTPUT} "${code}")
