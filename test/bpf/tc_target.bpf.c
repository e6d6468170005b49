// The functions of xdp_target in a program of another type.
#define SECTION "tc"
#define CONTEXT __sk_buff
#define INTERFACE ifindex
#include "target.h"
