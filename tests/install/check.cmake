# Installs BUILD into a folder under WORK, moves that folder, builds the program and the README's examples against it,
# runs them and the installed tools.
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/installed)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "exit status ${status}: ${command}\n${output}")
  endif()
  message("${output}")
endfunction()

# The text of README.md's only block in a language.
function(extract_example language file)
  file(READ ${SOURCE}/README.md text)
  string(FIND "${text}" "```${language}\n" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "README.md has no block in ${language}")
  endif()
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(FIND "${text}" "\n" begin)
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(FIND "${text}" "\n```" end)
  string(SUBSTRING "${text}" 0 ${end} text)
  file(WRITE ${file} "${text}\n")
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/staged)
file(RENAME ${WORK}/staged ${prefix})  # nothing may remember where it was first put
extract_example(cpp ${WORK}/examples/example.cpp)
extract_example(c ${WORK}/examples/example.c)
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE}/tests/install/program -B ${WORK}/build -D CMAKE_BUILD_TYPE=Release
    -D CMAKE_PREFIX_PATH=${prefix} -D EXAMPLES=${WORK}/examples)
run(${CMAKE_COMMAND} --build ${WORK}/build)

set(ENV{FFTCONV_CACHE_DIR} ${WORK}/cache)
set(ENV{FFTCONV_DEVICE} cpu)
run(${WORK}/build/program)
run(${WORK}/build/example_cpp)
run(${WORK}/build/example_c)
foreach(tool tune inspect run bench)
  run(${prefix}/bin/fftconv-${tool} --version)
endforeach()
