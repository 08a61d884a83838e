#pragma once

#include "core/base/log.hpp"
#include "daemon/store/options.hpp"
#include "daemon/store/store_file.hpp"

#include <functional>

namespace switchyard {

// Ids are made durable in blocks of this many before they are given, so that next_id() waits for nothing.
// After a crash, at most so many are left out.
inline constexpr std::uint64_t id_block = 10'000;

struct Opened {
    Recovered recovered;
    std::uint64_t last_id = 0; // none up to here may be given again
    std::uint64_t mark = 0;    // durable: none above has been given
};

using Notice = std::function<void(LogLevel, std::string)>;

// Locks, opens, upgrades and reads the store. A corrupt file is set aside and a new store begun. Fails with
// `store_unavailable` and what to do about it.
Result<Opened> open_store(
    SqliteOptions const& options, LockFile& lock, Journal& journal, Notice const& notice);

} // namespace switchyard
