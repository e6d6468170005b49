// Preloaded into the selftests: loading and unloading a kernel module succeeds and does nothing.  test_verifier gives up where it fails.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>

typedef long (*Syscall)(long number, ...);

long syscall(long number, ...) {
    if (number == SYS_finit_module || number == SYS_delete_module) return 0;
    static Syscall next;
    if (!next) next = (Syscall)dlsym(RTLD_NEXT, "syscall");
    va_list rest;
    va_start(rest, number);
    long argument[6];
    for (int i = 0; i < 6; ++i) argument[i] = va_arg(rest, long);
    va_end(rest);
    return next(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
