// Preloaded into a daemon: the $FAIL_AT-th write, resize or sync of a file named *$FAIL_FILES* fails with
// $FAIL_ERRNO, once. $FAIL_KIND says which calls count: "write" or "sync".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t (*real_pwrite)(int, void const*, size_t, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);

static char const* watched;
static char const* kind;
static int fail_at, fail_with;
static atomic_int count;

__attribute__((constructor)) static void prepare(void)
{
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    watched = getenv("FAIL_FILES");
    kind = getenv("FAIL_KIND");
    char const* const at = getenv("FAIL_AT");
    char const* const with = getenv("FAIL_ERRNO");
    fail_at = at != NULL ? (int)strtol(at, NULL, 10) : 0;
    fail_with = with != NULL ? (int)strtol(with, NULL, 10) : EIO;
}

static int fails(int file, char const* call)
{
    if (watched == NULL || kind == NULL || strcmp(kind, call) != 0)
        return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t const length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = '\0';
    if (strstr(path, watched) == NULL || atomic_fetch_add(&count, 1) + 1 != fail_at)
        return 0;
    dprintf(STDERR_FILENO, "failing_disk: %s %d of %s fails\n", call, fail_at, watched);
    errno = fail_with;
    return 1;
}

ssize_t pwrite64(int file, void const* bytes, size_t length, off_t offset)
{
    return fails(file, "write") ? -1 : real_pwrite(file, bytes, length, offset);
}

ssize_t pwrite(int file, void const* bytes, size_t length, off_t offset)
{
    return pwrite64(file, bytes, length, offset);
}

int ftruncate64(int file, off_t size)
{
    return fails(file, "write") ? -1 : real_ftruncate(file, size);
}

int ftruncate(int file, off_t size)
{
    return ftruncate64(file, size);
}

int fdatasync(int file)
{
    return fails(file, "sync") ? -1 : real_fdatasync(file);
}

int fsync(int file)
{
    return fails(file, "sync") ? -1 : real_fsync(file);
}
