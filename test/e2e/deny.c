/*
 * deny NAME... -- CMD: runs CMD where some system calls are EPERM, as a container's seccomp profile would have it.
 * Names: unshare, setns, mount, vm (process_vm_readv and _writev), seccomp, notify (seccomp without user notification: EINVAL), bpf;
 * groups: setgroups does nothing and answers 0.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter program[64];
static unsigned short length;

static void add(unsigned short code, unsigned k, unsigned char if_true, unsigned char if_false) {
    program[length++] = (struct sock_filter){code, if_true, if_false, k};
}

static void deny(unsigned number) {
    add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

int main(int argc, char** argv) {
    int i;
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "unshare") == 0) {
            deny(SYS_unshare);
        } else if (strcmp(argv[i], "setns") == 0) {
            deny(SYS_setns);
        } else if (strcmp(argv[i], "bpf") == 0) {
            deny(SYS_bpf);
        } else if (strcmp(argv[i], "seccomp") == 0) {
            deny(SYS_seccomp);
        } else if (strcmp(argv[i], "notify") == 0) {
            /* As a kernel before 5.0 answers to a flag that it does not know. */
            add(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1);
            add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL, 0, 0);
        } else if (strcmp(argv[i], "groups") == 0) {
            add(BPF_JMP | BPF_JEQ | BPF_K, SYS_setgroups, 0, 1);
            add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO, 0, 0);
        } else if (strcmp(argv[i], "mount") == 0) {
            deny(SYS_mount);
            deny(SYS_move_mount);
            deny(SYS_fsopen);
        } else if (strcmp(argv[i], "vm") == 0) {
            deny(SYS_process_vm_readv);
            deny(SYS_process_vm_writev);
        } else {
            fprintf(stderr, "deny: unknown name %s\n", argv[i]);
            return 2;
        }
    }
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    struct sock_fprog filter = {length, program};
    if (i + 1 >= argc || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) {
        perror("deny");
        return 2;
    }
    execvp(argv[i + 1], argv + i + 1);
    perror(argv[i + 1]);
    return 127;
}
