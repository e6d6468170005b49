// The same functions as xdp_target has, at other BTF ids.
#define SECTION "xdp"
#define CONTEXT xdp_md
#define INTERFACE ingress_ifindex

struct only_here {
    int a, b, c;
};
#include "target.h"

struct only_here only_here = {1, 2, 3};
