// The light skeleton of test/bpf/xdp_target.bpf.c (`bpftool gen skeleton -L`): a C program that loads it by running a program.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

struct light_target {
    void* skeleton;
    int program;  // `target`
    int trace;
};

// 0 or -errno; closes what it opened when it fails.
int light_target_load(struct light_target* made);
void light_target_close(struct light_target* made);

#ifdef __cplusplus
}
#endif
