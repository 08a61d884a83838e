#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>

// What every load maker reports, in one form.
namespace switchyard::bench {

// Real time, on purpose: a benchmark measures the world, not the simulation.
class Stopwatch {
public:
    double seconds() const
    {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    std::uint32_t microseconds() const { return static_cast<std::uint32_t>(seconds() * 1e6); }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// {"count": n, "per_second": r, "p50_us": a, "p99_us": b, "p999_us": c} on standard output.
inline void print_figures(std::vector<std::vector<std::uint32_t>> latencies, double seconds)
{
    std::vector<std::uint32_t> all;
    for (auto const& some : latencies)
        all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all);
    auto const at = [&](double part) {
        return all.empty()
            ? 0U
            : all[std::min(all.size() - 1, static_cast<std::size_t>(part * static_cast<double>(all.size())))];
    };
    std::printf("{\"count\": %zu, \"per_second\": %.1f, \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u}\n",
        all.size(), static_cast<double>(all.size()) / seconds, at(0.5), at(0.99), at(0.999));
}

} // namespace switchyard::bench
