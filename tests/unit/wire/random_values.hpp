#pragma once

#include "core/wire/northbound.hpp"

#include <array>
#include <random>
#include <string>
#include <vector>

namespace switchyard::test {

// Seeded random values of everything that crosses the wire; the same seed gives the same values everywhere.
class RandomValues {
public:
    explicit RandomValues(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
    bool maybe() { return below(2) == 0; }
    template <class Enum>
    Enum one_to(Enum last)
    {
        return static_cast<Enum>(below(static_cast<std::uint64_t>(last) + 1));
    }
    std::string text(std::size_t min = 0)
    {
        static constexpr std::array<char const*, 12> pieces{
            "a", "Z", "0", " ", "\"", "\\", "/", "ü", "€", "😀", "-", "."};
        std::string out;
        for (auto count = min + below(20); count > 0; --count)
            out += pieces[below(pieces.size())];
        return out;
    }
    std::string key()
    {
        std::string out;
        for (auto count = 1 + below(40); count > 0; --count)
            out += static_cast<char>(0x20 + below(0x5F));
        return out;
    }
    std::chrono::milliseconds duration() { return std::chrono::milliseconds(1 + below(31'536'000'000)); }
    UtcTime time() { return UtcTime(std::chrono::microseconds(below(4'000'000'000'000'000))); }
    CommandId id() { return CommandId{1 + below(std::uint64_t{1} << 53U)}; }
    json::value anything(int depth = 3)
    {
        switch (below(depth > 0 ? 7 : 5)) {
        case 0:
            return nullptr;
        case 1:
            return maybe();
        case 2:
            return static_cast<std::int64_t>(engine_());
        case 3:
            return static_cast<double>(below(1'000'000)) / 64.0;
        case 4:
            return json::value(text());
        case 5: {
            json::array out;
            for (auto count = below(4); count > 0; --count)
                out.push_back(anything(depth - 1));
            return out;
        }
        default:
            return object(depth - 1);
        }
    }
    json::object object(int depth)
    {
        json::object out;
        for (auto count = below(4); count > 0; --count)
            out[text()] = anything(depth);
        return out;
    }
    Error error()
    {
        Error out(one_to(Errc::internal), text(), maybe() ? Effect::possible : Effect::none);
        return out;
    }
    Request request()
    {
        Request out;
        out.target = text(1);
        out.action = one_to(Action::invoke);
        out.priority = one_to(Priority::interactive);
        out.reason = text();
        if (maybe())
            out.outlet = text();
        if (maybe())
            out.key = key();
        if (maybe())
            out.delay = duration();
        if (maybe())
            out.deadline = duration();
        if (maybe())
            out.coalesce = one_to(Coalesce::latest);
        if (out.action == Action::cycle && maybe())
            out.off_time = duration();
        if (out.action == Action::on || out.action == Action::off)
            out.ensure = maybe();
        if (out.action == Action::invoke) {
            out.operation = text(1);
            out.params = object(3);
        }
        return out;
    }
    OutletReport outlet()
    {
        OutletReport out;
        out.device = text(1);
        out.outlet = text();
        out.driver = text();
        out.power = one_to(PowerState::partial);
        out.confirmed = maybe();
        out.attempts = static_cast<unsigned>(below(100));
        if (maybe())
            out.error = error();
        return out;
    }
    std::vector<OutletReport> outlets()
    {
        std::vector<OutletReport> out;
        for (auto count = below(4); count > 0; --count)
            out.push_back(outlet());
        return out;
    }
    Report report()
    {
        Report out;
        out.id = id();
        out.state = one_to(CommandState::indeterminate);
        out.request = request();
        out.principal = text();
        out.accepted = time();
        out.due = time();
        out.deadline = time();
        if (maybe())
            out.started = time();
        if (maybe())
            out.ended = time();
        out.power = one_to(PowerState::partial);
        out.confirmed = maybe();
        out.changed = maybe();
        if (maybe())
            out.replaced_by = id();
        if (maybe()) {
            out.error = error();
            out.error_device = text();
        }
        out.outlets = outlets();
        out.result = anything();
        return out;
    }

private:
    std::mt19937_64 engine_;
};

} // namespace switchyard::test
