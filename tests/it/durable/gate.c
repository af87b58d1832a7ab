/* Preloaded, it keeps every fdatasync waiting as long as the file GATE is there. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd) {
    struct timespec pause = {0, 1000000};
    while (access(getenv("GATE"), F_OK) == 0) nanosleep(&pause, 0);
    return syscall(SYS_fdatasync, fd);
}
