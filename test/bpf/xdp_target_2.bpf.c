// The same functions as xdp_target has, at other BTF ids.
#define SECTION "xdp"
#define CONTEXT xdp_md
#define INTERFACE ingress_ifindex

// Called by nobody: its types come before those of the functions that matter.
int only_here(long a, char b, short c) { return a > b + c; }

#include "target.h"
