#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"

#include <cstdint>
#include <string>

// The files beside the database: PATH.lock, PATH.ballast, PATH.suspect, PATH.corrupt-<time>.
namespace switchyard {

// Held by the one daemon that uses the store. It also carries the id mark and the number of starts outside
// the database, so that ids are not given again and epochs do not repeat when the database was corrupt and
// had to be set aside, or an old copy of it was put back. Its bytes exist from the start and are written in
// place, which a full disk does not prevent.
class LockFile {
public:
    LockFile() = default;
    ~LockFile();
    LockFile(LockFile const&) = delete;
    LockFile& operator=(LockFile const&) = delete;

    // Fails with `store_unavailable` and the process id of the daemon that has it.
    Result<> acquire(std::string const& path);
    bool held() const noexcept { return fd_ >= 0; }
    std::uint64_t mark() const noexcept { return mark_; }     // 0 = none is known
    std::uint64_t starts() const noexcept { return starts_; } // of the store so far; 0 = not known
    // Durable when it returns 0; else errno.
    int write(std::uint64_t mark, std::uint64_t starts);

private:
    int fd_ = -1;
    std::uint64_t mark_ = 0;
    std::uint64_t starts_ = 0;
    std::string path_;
};

// Room kept back for the results of commands in flight. False when there is no room for it.
bool make_ballast(std::string const& store_path, std::uint64_t bytes);
bool drop_ballast(std::string const& store_path); // false when there was none

// A run that met corruption leaves a note, so that the next start checks the whole file.
void note_suspicion(std::string const& store_path);
bool is_suspect(std::string const& store_path);
void clear_suspicion(std::string const& store_path);

// Renames the database and its log, so that both are kept; returns the new path.
Result<std::string> set_aside(std::string const& store_path, UtcTime now);

// Makes it with mode 0600 when it is not there; its entry in the directory is durable when this returns.
Result<> prepare_file(std::string const& store_path);

std::uint64_t free_bytes(std::string const& store_path) noexcept; // for processes without privileges

} // namespace switchyard
