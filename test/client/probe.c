/*
 * A static client without libbpf, for the tests of the supervisor: `probe STEP...`, each step a call whose answer is as expected, or the
 * exit status is the number of the step that was not.
 *
 *   map          make a map and keep its descriptor
 *   lookup       look up in the map made last
 *   inherited=N  look up through descriptor N
 *   closed=N     descriptor N is not open
 *   enosys       making a map is ENOSYS
 *   threads      eight threads make, use and close maps
 *   fork         a child uses the map made last, and closes its copy
 *   statistics   runs are counted until standard input ends; says "counting"
 *   kill         die by SIGKILL
 */
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int map = -1;

static int make_map(void) {
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = 4;
    attr.value_size = 8;
    attr.max_entries = 1;
    return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int lookup(int fd) {
    union bpf_attr attr;
    uint64_t key = 0, value = 0;
    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)fd;
    attr.key = (uint64_t)(uintptr_t)&key;
    attr.value = (uint64_t)(uintptr_t)&value;
    return (int)syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
}

static void* use_maps(void* result) {
    for (int i = 0; i < 50; i++) {
        int fd = make_map();
        if (fd < 0 || lookup(fd) != 0 || close(fd) != 0) *(int*)result = 1;
    }
    return NULL;
}

static int threads(void) {
    pthread_t thread[8];
    int failed[8] = {0}, sum = 0;
    for (int i = 0; i < 8; i++)
        if (pthread_create(&thread[i], NULL, use_maps, &failed[i]) != 0) return 1;
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], NULL);
        sum += failed[i];
    }
    return sum;
}

static int in_child(void) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) _exit(lookup(map) != 0 || close(map) != 0 || lookup(map) == 0 || errno != EBADF);
    return child < 0 || waitpid(child, &status, 0) != child || status != 0 || lookup(map) != 0;
}

static int count_runs(void) {
    union bpf_attr attr;
    char byte;
    memset(&attr, 0, sizeof(attr));
    attr.enable_stats.type = BPF_STATS_RUN_TIME;
    if (syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr)) < 0 || write(1, "counting\n", 9) != 9) return 1;
    while (read(0, &byte, 1) > 0) continue;
    return 0;
}

static int step(const char* name) {
    if (strcmp(name, "map") == 0) return (map = make_map()) < 0;
    if (strcmp(name, "lookup") == 0) return lookup(map) != 0;
    if (strncmp(name, "inherited=", 10) == 0) return lookup(atoi(name + 10)) != 0;
    if (strncmp(name, "closed=", 7) == 0) return lookup(atoi(name + 7)) == 0 || errno != EBADF;
    if (strcmp(name, "enosys") == 0) return make_map() >= 0 || errno != ENOSYS;
    if (strcmp(name, "threads") == 0) return threads();
    if (strcmp(name, "fork") == 0) return in_child();
    if (strcmp(name, "statistics") == 0) return count_runs();
    if (strcmp(name, "kill") == 0) return kill(getpid(), SIGKILL);
    return 1;
}

int main(int argc, char** argv) {
    for (int i = 1; i < argc; i++)
        if (step(argv[i]) != 0) return i;
    return 0;
}
