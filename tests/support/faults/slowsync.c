// Preloaded into a program: each of its syncs takes SLOWSYNC_US microseconds longer, as on a slower disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int sync_of(int fd, char const* name)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    char const* delay = getenv("SLOWSYNC_US");
    if (delay)
        usleep((useconds_t)atol(delay));
    return real(fd);
}
int fdatasync(int fd)
{
    return sync_of(fd, "fdatasync");
}
int fsync(int fd)
{
    return sync_of(fd, "fsync");
}
