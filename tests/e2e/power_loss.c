// Preloaded into a daemon: notes what each write to the files named *$POWER_LOSS_FILES* overwrites, and each
// sync of them, in $POWER_LOSS_JOURNAL. The journal is appended to before the write happens, so it is
// complete after kill -9 at any moment; test_crash_power_loss.py takes back what no sync came after. Writes
// through mmap are not seen; the store makes none.
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

enum kind { WRITE = 1, SYNC = 2, TRUNCATE = 3 };

struct record {
    uint32_t magic, kind;
    uint64_t inode, offset, length, size; // `length` bytes follow: what was there
};

static ssize_t (*real_pwrite)(int, void const*, size_t, off_t);
static ssize_t (*real_write)(int, void const*, size_t);
static ssize_t (*real_pread)(int, void*, size_t, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);

static int journal = -1;
static char const* watched;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void prepare(void)
{
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    watched = getenv("POWER_LOSS_FILES");
    char const* const path = getenv("POWER_LOSS_JOURNAL");
    if (path != NULL && watched != NULL)
        journal = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

static int is_watched(int file, struct stat* status)
{
    if (journal < 0 || file == journal || fstat(file, status) != 0 || !S_ISREG(status->st_mode))
        return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t const length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = '\0';
    return strstr(path, watched) != NULL;
}

static void note(int file, struct stat const* status, enum kind kind, uint64_t offset, uint64_t length)
{
    uint64_t const size = (uint64_t)status->st_size;
    uint64_t const there = offset >= size ? 0 : size - offset < length ? size - offset : length;
    size_t const total = sizeof(struct record) + there;
    char* const bytes = malloc(total);
    if (bytes == NULL)
        abort();
    struct record const head = {0x504c5831, kind, status->st_ino, offset, there, size};
    memcpy(bytes, &head, sizeof head);
    if (there > 0 && real_pread(file, bytes + sizeof head, there, (off_t)offset) != (ssize_t)there)
        abort();
    if (real_write(journal, bytes, total) != (ssize_t)total)
        abort();
    free(bytes);
}

ssize_t pwrite64(int file, void const* bytes, size_t length, off_t offset)
{
    struct stat status;
    if (!is_watched(file, &status))
        return real_pwrite(file, bytes, length, offset);
    pthread_mutex_lock(&mutex);
    note(file, &status, WRITE, (uint64_t)offset, length);
    ssize_t const result = real_pwrite(file, bytes, length, offset);
    pthread_mutex_unlock(&mutex);
    return result;
}

ssize_t pwrite(int file, void const* bytes, size_t length, off_t offset)
{
    return pwrite64(file, bytes, length, offset);
}

ssize_t write(int file, void const* bytes, size_t length)
{
    struct stat status;
    if (!is_watched(file, &status))
        return real_write(file, bytes, length);
    pthread_mutex_lock(&mutex);
    note(file, &status, WRITE, (uint64_t)lseek(file, 0, SEEK_CUR), length);
    ssize_t const result = real_write(file, bytes, length);
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate64(int file, off_t size)
{
    struct stat status;
    if (!is_watched(file, &status))
        return real_ftruncate(file, size);
    pthread_mutex_lock(&mutex);
    uint64_t const lost = size < status.st_size ? (uint64_t)(status.st_size - size) : 0;
    note(file, &status, TRUNCATE, (uint64_t)(lost > 0 ? size : status.st_size), lost);
    int const result = real_ftruncate(file, size);
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate(int file, off_t size)
{
    return ftruncate64(file, size);
}

static int synced(int file, int (*real)(int))
{
    struct stat status;
    if (!is_watched(file, &status))
        return real(file);
    pthread_mutex_lock(&mutex);
    int const result = real(file);
    if (result == 0)
        note(file, &status, SYNC, 0, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int fdatasync(int file)
{
    return synced(file, real_fdatasync);
}

int fsync(int file)
{
    return synced(file, real_fsync);
}
