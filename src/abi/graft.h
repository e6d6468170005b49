/* What graft's bpf(2) has beyond Linux's.  For C and C++.
 *
 * An attr may go on behind the 152 bytes that Linux 6.12 knows with a struct graft_attr.  Linux answers E2BIG to an attr whose bytes there
 * are not zero, and EINVAL to the commands below: a client can try, and do without.
 */
#ifndef GRAFT_ABI_GRAFT_H
#define GRAFT_ABI_GRAFT_H

#include <linux/types.h>

#define GRAFT_ATTR_OFFSET 152 /* of struct graft_attr in the attr */

/* BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_DETACH, BPF_RAW_TRACEPOINT_OPEN, GRAFT_TRANSACTION_COMMIT.  All zero: as on Linux. */
struct graft_attr {
    __u64 log_buf;        /* address: why the call failed, with a closing NUL; as the log of BPF_PROG_LOAD */
    __u32 log_size;       /* bytes of it; log_size of 0: no log */
    __u32 log_true_size;  /* answer: bytes that would have held all of it; 0: nothing was logged */
    __u32 transaction_fd; /* not 0: the change of an extension's or tracing program's link becomes a part of that transaction */
    __u32 reserved;       /* 0 */
};

#define GRAFT_ABI_VERSION 1

/* Commands. */
enum {
    /* Attr: zeros.  Answers GRAFT_ABI_VERSION: so a client knows that it is on graft. */
    GRAFT_ABI = 0x67720000,
    /* Attr: zeros.  A descriptor of a new transaction, which collects changes of links and makes them at once:
     *   BPF_LINK_CREATE gives a link that is attached by the commit,
     *   BPF_LINK_UPDATE replaces an extension by another one,
     *   BPF_LINK_DETACH takes what it attached away; the link stays, as one of nothing. */
    GRAFT_TRANSACTION_CREATE = 0x67720001,
    /* Attr: __u32 transaction_fd, then zeros.  Makes all of the changes, or with the errno of the first that is refused none; packets that
     * enter a program afterwards see all of them.  Once: EINVAL.  A transaction that is closed without it changes nothing. */
    GRAFT_TRANSACTION_COMMIT = 0x67720002,
};

#endif
