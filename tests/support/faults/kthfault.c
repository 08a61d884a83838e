// Preloaded into a program: the FAULT_AT-th of its writes and syncs of files whose path contains FAULT_MATCH
// goes wrong.
//   FAULT_KIND    eio, enospc, eintr (of writes only), or short (half of the bytes are written; a sync fails
//   with EIO) FAULT_STICKY  1: so does every later one (of eio) FAULT_HIT     this file is made when it has
//   happened, so that a driver knows when it has tried every k
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { kind_none, kind_eio, kind_enospc, kind_eintr, kind_short };

static atomic_long calls;

static int is_ours(int fd)
{
    char const* match = getenv("FAULT_MATCH");
    char link[64], path[4096];
    struct stat status;
    if (!match || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t const length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, match) != NULL;
}

static enum kind fault_of(int fd)
{
    char const *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND"), *hit = getenv("FAULT_HIT");
    if (!at || !kind || !is_ours(fd))
        return kind_none;
    long const wanted = atol(at), call = ++calls;
    if (call != wanted && !(getenv("FAULT_STICKY") && call > wanted))
        return kind_none;
    if (hit) {
        int const marker = open(hit, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (marker >= 0)
            close(marker);
    }
    return !strcmp(kind, "eio")   ? kind_eio
        : !strcmp(kind, "enospc") ? kind_enospc
        : !strcmp(kind, "eintr")  ? kind_eintr
                                  : kind_short;
}

static int fails(enum kind kind)
{
    if (kind == kind_none || kind == kind_short)
        return 0;
    errno = kind == kind_eio ? EIO : kind == kind_enospc ? ENOSPC : EINTR;
    return 1;
}

ssize_t pwrite64(int fd, void const* bytes, size_t count, off_t offset)
{
    static ssize_t (*real)(int, void const*, size_t, off_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "pwrite64");
    enum kind const kind = fault_of(fd);
    if (fails(kind))
        return -1;
    return real(fd, bytes, kind == kind_short ? count / 2 : count, offset);
}
ssize_t pwrite(int fd, void const* bytes, size_t count, off_t offset)
{
    return pwrite64(fd, bytes, count, offset);
}
ssize_t write(int fd, void const* bytes, size_t count)
{
    static ssize_t (*real)(int, void const*, size_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "write");
    enum kind const kind = fault_of(fd);
    if (fails(kind))
        return -1;
    return real(fd, bytes, kind == kind_short ? count / 2 : count);
}
int ftruncate64(int fd, off_t length)
{
    static int (*real)(int, off_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "ftruncate64");
    return fails(fault_of(fd)) ? -1 : real(fd, length);
}
int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

static int sync_of(int fd, char const* name)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    enum kind const kind = fault_of(fd);
    if (kind == kind_short) {
        errno = EIO;
        return -1;
    }
    return kind != kind_eintr && fails(kind) ? -1 : real(fd);
}
int fdatasync(int fd)
{
    return sync_of(fd, "fdatasync");
}
int fsync(int fd)
{
    return sync_of(fd, "fsync");
}
