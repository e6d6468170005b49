#include "support/light_target.h"

#include <errno.h>

#include "xdp_target.lskel.h"

int light_target_load(struct light_target* made) {
    struct xdp_target_bpf* skeleton = xdp_target_bpf__open();
    if (!skeleton) return -ENOMEM;
    int failed = xdp_target_bpf__load(skeleton);
    if (failed) {
        xdp_target_bpf__destroy(skeleton);
        return failed;
    }
    made->skeleton = skeleton;
    made->program = skeleton->progs.target.prog_fd;
    made->trace = skeleton->maps.trace.map_fd;
    return 0;
}

void light_target_close(struct light_target* made) { xdp_target_bpf__destroy(made->skeleton); }
