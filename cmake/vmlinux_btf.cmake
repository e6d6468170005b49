# ${VMLINUX_BTF}: the bytes of graft's vmlinux BTF, for #include in an array.  No kernel's BTF is needed to make it.
set(VMLINUX_BTF_DIR ${PROJECT_BINARY_DIR}/vmlinux)
set(VMLINUX_BTF ${VMLINUX_BTF_DIR}/vmlinux_btf.inc)
set(source ${PROJECT_SOURCE_DIR}/src/btf/vmlinux_types.bpf.cc)
file(MAKE_DIRECTORY ${VMLINUX_BTF_DIR})

add_executable(embed-btf tools/embed-btf.cpp)
target_link_libraries(embed-btf PRIVATE PkgConfig::BPF)

add_custom_command(OUTPUT ${VMLINUX_BTF}
  COMMAND ${BPF_CLANG} -x c++ -std=c++20 -O1 -g -target bpf -ffreestanding -Wall
    -I${PROJECT_SOURCE_DIR}/src/btf/freestanding -I${PROJECT_SOURCE_DIR}/src -I/usr/include/${BPF_MULTIARCH}
    -MD -MT ${VMLINUX_BTF} -MF ${VMLINUX_BTF}.d -c ${source} -o ${VMLINUX_BTF_DIR}/vmlinux_types.o
  COMMAND embed-btf ${VMLINUX_BTF_DIR}/vmlinux_types.o ${VMLINUX_BTF}
  DEPENDS ${source} embed-btf DEPFILE ${VMLINUX_BTF}.d VERBATIM)
