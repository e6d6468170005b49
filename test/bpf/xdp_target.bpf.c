// An XDP program of global and static functions that leave a trace: what freplace programs attach to.
#define SECTION "xdp"
#define CONTEXT xdp_md
#define INTERFACE ingress_ifindex
#include "target.h"
