# What `cmake --install` puts where: libraries and headers with a CMake package (find_package(fftconv) gives
# fftconv::runtime), the LLVM component beside the libraries, the tools.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fftconv)
foreach(module templates generator tuning_db runtime)
  set_target_properties(fftconv_${module} PROPERTIES EXPORT_NAME ${module})
  install(TARGETS fftconv_${module} EXPORT fftconv_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${module}/include/fftconv DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT fftconv_targets NAMESPACE fftconv:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fftconvConfig.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/fftconvConfig.cmake INSTALL_DESTINATION ${package_dir}
                              PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/fftconvConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fftconvConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/fftconvConfigVersion.cmake
        DESTINATION ${package_dir})

if(FFTCONV_LLVM)
  install(TARGETS fftconv_llvm LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(TARGETS fftconv-worker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET fftconv_mpi)
  install(TARGETS fftconv_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(FFTCONV_TOOLS)
  foreach(tool tune inspect run bench)
    if(TARGET fftconv-${tool})
      install(TARGETS fftconv-${tool} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
  endforeach()
endif()
