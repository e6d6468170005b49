# `cmake --install`: the tool, libgraft with its headers, a CMake package and two pkg-config files.
#
#   CMake:       find_package(graft)  ->  graft::graft; graft::inprocess (libbpf in one process with a kernel; link libbpf.a too)
#   pkg-config:  graft, graft-inprocess
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/graft)

set_target_properties(graft-inprocess PROPERTIES EXPORT_NAME inprocess)
install(TARGETS graft graft-inprocess EXPORT graft-targets)
install(TARGETS graft-tool OPTIONAL)
install(EXPORT graft-targets NAMESPACE graft:: DESTINATION ${package_dir})
# Included as inside the project: "syscall/kernel.h".
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/graft
  FILES_MATCHING PATTERN "*.h" PATTERN "test_program.h" EXCLUDE PATTERN "test_target.h" EXCLUDE PATTERN "test_env.h" EXCLUDE
  PATTERN "test_caller.h" EXCLUDE PATTERN "map_test_support.h" EXCLUDE PATTERN "isolated_test.h" EXCLUDE PATTERN "fake_*.h" EXCLUDE
  PATTERN "cli" EXCLUDE PATTERN "daemon" EXCLUDE PATTERN "freestanding" EXCLUDE)

configure_package_config_file(cmake/graft-config.cmake.in graft-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(graft-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/graft-config.cmake ${PROJECT_BINARY_DIR}/graft-config-version.cmake DESTINATION ${package_dir})
# Debian's asmjit has no pkg-config file.
if(TARGET asmjit::asmjit)
  set(GRAFT_PC_LIBS -lasmjit)
endif()
foreach(name graft graft-inprocess)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
