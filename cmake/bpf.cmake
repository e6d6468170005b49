# graft_bpf_object(TARGET SOURCE.bpf.c): compiles C to a BPF object ${PROJECT_BINARY_DIR}/bpf/SOURCE.bpf.o, as target TARGET.
find_program(BPF_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang REQUIRED)
set(BPF_MULTIARCH ${CMAKE_C_LIBRARY_ARCHITECTURE})        # x86_64-linux-gnu: where asm/types.h is

function(graft_bpf_object target source)
  get_filename_component(name ${source} NAME_WLE)
  set(object ${PROJECT_BINARY_DIR}/bpf/${name}.o)
  get_filename_component(source ${source} ABSOLUTE)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/bpf/*.h)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/bpf
    COMMAND ${BPF_CLANG} -O2 -g -target bpf -mcpu=v3 -Wall -I/usr/include/${BPF_MULTIARCH} -c ${source} -o ${object}
    DEPENDS ${source} ${headers} VERBATIM)
  add_custom_target(${target} DEPENDS ${object})
endfunction()

# graft_light_skeleton(NAME): ${PROJECT_BINARY_DIR}/bpf/NAME.lskel.h of NAME.bpf.o.
function(graft_light_skeleton name)
  find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
  set(object ${PROJECT_BINARY_DIR}/bpf/${name}.bpf.o)
  set(header ${PROJECT_BINARY_DIR}/bpf/${name}.lskel.h)
  add_custom_command(OUTPUT ${header} COMMAND ${BPFTOOL} gen skeleton -L ${object} > ${header} DEPENDS ${object} VERBATIM)
endfunction()
