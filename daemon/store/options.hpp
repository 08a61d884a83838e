#pragma once

#include "daemon/store/journal.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace switchyard {

struct SqliteOptions {
    SqliteOptions() = default;
    explicit SqliteOptions(std::string path_) : path(std::move(path_)) {}

    std::string path;
    std::uint64_t ballast = 4 * 1024 * 1024; // bytes kept back for results when the disk is full
    std::uint64_t reserve = 1024 * 1024;     // bytes that must be free beside the ballast before commands are
                                             // taken again
    std::chrono::milliseconds room_check{1'000}; // how often a full disk is looked at
    Durability durability = Durability::full;
    // Told after each commit, on the writer's thread: how many rows it had, and how long it took.
    std::function<void(std::size_t rows, std::chrono::nanoseconds took)> committed;
};

} // namespace switchyard
