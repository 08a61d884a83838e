// Preloaded into a program: its writes to regular files stay revocable until they are synced. What each write
// replaced is recorded in PL_UNDO, which outlives kill -9; rollback.py then takes back what was not synced,
// as a power cut does.
//   PL_UNDO    the file for the records
//   PL_MATCH   only files whose path contains this
//   PL_NOSYNC  1: a sync is recorded and not made, which is faster and changes nothing here
// Works at the grain of a write; a directory's entries and renames are taken as durable.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { record_write = 1, record_sync = 2, record_truncate = 3 };

struct record { // rollback.py reads it
    uint32_t magic, kind;
    uint64_t inode, offset, kept, count, old_size; // `kept` bytes follow: what was there of the `count` bytes
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int undo_fd = -1;
static ssize_t (*real_pwrite)(int, void const*, size_t, off_t);
static ssize_t (*real_write)(int, void const*, size_t);
static ssize_t (*real_pread)(int, void*, size_t, off_t);
static int (*real_truncate)(int, off_t);

__attribute__((constructor)) static void start(void)
{
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
    char const* path = getenv("PL_UNDO");
    if (path)
        undo_fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(int fd, struct stat* status)
{
    char const* match = getenv("PL_MATCH");
    char link[64], path[4096];
    if (undo_fd < 0 || fd == undo_fd || !match || fstat(fd, status) != 0 || !S_ISREG(status->st_mode))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t const length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, match) != NULL;
}

static void put_record(uint32_t kind, struct stat const* status, int fd, uint64_t offset, uint64_t count)
{
    uint64_t const size = (uint64_t)status->st_size;
    uint64_t const kept = offset >= size ? 0 : size - offset < count ? size - offset : count;
    struct record* const record = malloc(sizeof *record + kept);
    if (!record)
        abort();
    *record = (struct record){0x504c5832, kind, status->st_ino, offset, kept, count, size};
    if (kept && real_pread(fd, record + 1, kept, (off_t)offset) != (ssize_t)kept)
        abort();
    if (real_write(undo_fd, record, sizeof *record + kept) != (ssize_t)(sizeof *record + kept))
        abort();
    free(record);
}

ssize_t pwrite64(int fd, void const* bytes, size_t count, off_t offset)
{
    struct stat status;
    if (!is_ours(fd, &status))
        return real_pwrite(fd, bytes, count, offset);
    pthread_mutex_lock(&lock);
    put_record(record_write, &status, fd, (uint64_t)offset, count);
    ssize_t const put = real_pwrite(fd, bytes, count, offset);
    pthread_mutex_unlock(&lock);
    return put;
}
ssize_t pwrite(int fd, void const* bytes, size_t count, off_t offset)
{
    return pwrite64(fd, bytes, count, offset);
}
ssize_t write(int fd, void const* bytes, size_t count)
{
    struct stat status;
    if (!real_write)
        start(); // another library's constructor may write before ours has run
    if (!is_ours(fd, &status))
        return real_write(fd, bytes, count);
    pthread_mutex_lock(&lock);
    put_record(record_write, &status, fd, (uint64_t)lseek(fd, 0, SEEK_CUR), count);
    ssize_t const put = real_write(fd, bytes, count);
    pthread_mutex_unlock(&lock);
    return put;
}
int ftruncate64(int fd, off_t length)
{
    struct stat status;
    if (!is_ours(fd, &status))
        return real_truncate(fd, length);
    pthread_mutex_lock(&lock);
    uint64_t const size = (uint64_t)status.st_size, to = (uint64_t)length;
    put_record(record_truncate, &status, fd, to < size ? to : size, to < size ? size - to : 0);
    int const done = real_truncate(fd, length);
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

static int sync_of(int fd, char const* name)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct stat status;
    if (!is_ours(fd, &status))
        return real(fd);
    pthread_mutex_lock(&lock);
    int const done = getenv("PL_NOSYNC") ? 0 : real(fd);
    if (done == 0) {
        struct record const record = {0x504c5832, record_sync, status.st_ino, 0, 0, 0, 0};
        if (real_write(undo_fd, &record, sizeof record) != sizeof record)
            abort();
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int fdatasync(int fd)
{
    return sync_of(fd, "fdatasync");
}
int fsync(int fd)
{
    return sync_of(fd, "fsync");
}
