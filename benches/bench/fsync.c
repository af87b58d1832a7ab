/* Preloaded, it makes every sync cost BENCH_FSYNC_MICROS more: on a disk that is memory, that and no more. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int wait_then(long call, int fd) {
    const char *micros = getenv("BENCH_FSYNC_MICROS");
    long nanos = micros ? atol(micros) * 1000 : 0;
    struct timespec time = {nanos / 1000000000, nanos % 1000000000};
    nanosleep(&time, 0);
    return syscall(call, fd);
}

int fsync(int fd) { return wait_then(SYS_fsync, fd); }
int fdatasync(int fd) { return wait_then(SYS_fdatasync, fd); }
int syncfs(int fd) { return wait_then(SYS_syncfs, fd); }
