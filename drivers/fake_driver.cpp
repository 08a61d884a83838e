#include "drivers/driver.hpp"

#include "core/base/text.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

// A device in memory: docs/drivers/fake.md.
namespace switchyard {
namespace {

constexpr std::array keys{
    KeySpec{.name = "outlets",
        .type = KeyType::integer,
        .fallback = "0",
        .doc = "Number of outlets, named 1 to N; 0 is one system with the empty outlet.",
        .min = 0,
        .max = 4096},
    KeySpec{.name = "latency", .type = KeyType::duration, .fallback = "0s", .doc = "Time that a call takes."},
    KeySpec{
        .name = "initial", .fallback = "off", .doc = "State before the first action.", .allowed = "on|off"},
    KeySpec{.name = "read",
        .type = KeyType::boolean,
        .fallback = "true",
        .doc = "Whether the state can be read."},
    KeySpec{.name = "absolute",
        .type = KeyType::boolean,
        .fallback = "true",
        .doc = "False: on and off both toggle, as an impulse relay does."},
    KeySpec{.name = "cycle",
        .type = KeyType::boolean,
        .fallback = "false",
        .doc = "Whether the device can cycle by itself in one command."},
    KeySpec{.name = "switch_delay",
        .type = KeyType::duration,
        .fallback = "0s",
        .doc = "The state follows an action after this time."},
    KeySpec{.name = "fail",
        .fallback = "none",
        .doc = "The fault that calls suffer.",
        .allowed = "none|unreachable|auth_failed|refused|timed_out|protocol|lost_reply"},
    KeySpec{.name = "fail_on",
        .type = KeyType::text_list,
        .doc = "Calls that the fault strikes (read, invoke, on, off, ...); empty is all."},
    KeySpec{.name = "fail_first",
        .type = KeyType::integer,
        .fallback = "0",
        .doc = "The fault strikes only the first N of those calls; 0 is no such limit.",
        .min = 0,
        .max = 1'000'000'000},
    KeySpec{.name = "fail_rate",
        .type = KeyType::integer,
        .fallback = "100",
        .doc = "Percentage of those calls that the fault strikes.",
        .min = 0,
        .max = 100},
    KeySpec{.name = "seed",
        .type = KeyType::integer,
        .fallback = "1",
        .doc = "Makes fail_rate repeatable.",
        .min = 0,
        .max = 1'000'000'000},
    KeySpec{
        .name = "state", .doc = "File that keeps the state beyond the daemon's life; one for each device."},
    KeySpec{.name = "witness",
        .doc = "File to which every executed action is appended as a line; may be shared."},
};

PowerState flipped(PowerState state)
{
    return state == PowerState::on ? PowerState::off : PowerState::on;
}

std::string errno_text(std::string_view what, std::string const& path)
{
    return fmt::format("cannot {} {}: {}", what, path, std::strerror(errno));
}

// A descriptor for the time of one call: a hundred thousand devices must not hold as many files.
class File {
public:
    File(std::string const& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
    ~File()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    File(File const&) = delete;
    File& operator=(File const&) = delete;
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }

private:
    int fd_;
};

// What one outlet is and did last. In a state file it is a line of fixed length, so that one pwrite(2) within
// a page replaces it: a killed process has written all of it or nothing.
struct Cell {
    PowerState before = PowerState::off;
    PowerState now = PowerState::off;
    Action action = Action::off;
    UtcTime at{};          // when it acted; the epoch: never
    bool witnessed = true; // false: the line in the witness is still due
};
constexpr std::size_t cell_size = 64;

std::string to_line(Cell const& cell)
{
    auto const text = fmt::format("{} {} {} {} {}", name(cell.before), name(cell.now), name(cell.action),
        cell.at.time_since_epoch().count(), cell.witnessed ? "witnessed" : "due");
    return fmt::format("{:<{}}\n", text, cell_size - 1);
}

std::optional<Cell> cell_from(std::string_view line)
{
    std::array<std::string_view, 5> words;
    for (auto& word : words) {
        auto const end = std::min(line.find_first_of(" \n"), line.size());
        word = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    auto const before = power_state_from(words[0]);
    auto const now = power_state_from(words[1]);
    auto const action = action_from(words[2]);
    auto const at = parse_integer(words[3]);
    if (!before || !now || !action || !at)
        return std::nullopt;
    return Cell{*before, *now, *action, UtcTime(std::chrono::microseconds(*at)), words[4] == "witnessed"};
}

// The outlets, their file and their witness: the "hardware".
class Hardware {
public:
    explicit Hardware(DriverConfig const& config)
        : device_(config.device()),
          state_(config.text("state")),
          witness_(config.text("witness")),
          switch_delay_(config.duration("switch_delay")),
          absolute_(config.boolean("absolute")),
          numbered_(config.integer("outlets") > 0)
    {
        Cell cell;
        cell.before = cell.now = config.text("initial") == "on" ? PowerState::on : PowerState::off;
        cells_.assign(static_cast<std::size_t>(std::max<std::int64_t>(1, config.integer("outlets"))), cell);
    }

    Result<PowerState> look(std::string const& outlet)
    {
        if (auto loaded = load(); !loaded)
            return std::unexpected(loaded.error());
        auto const& cell = cells_[index(outlet)];
        if (Clock::utc() >= cell.at + switch_delay_)
            return cell.now;
        return cell.action == Action::cycle ? PowerState::off : cell.before;
    }
    // Acts, at this very moment.
    Result<> act(std::string const& outlet, Action action)
    {
        if (auto loaded = load(); !loaded)
            return loaded;
        auto const at = index(outlet);
        Cell cell = cells_[at];
        cell.before = cell.now;
        cell.now = after(action, cell.before);
        cell.action = action;
        cell.at = Clock::utc();
        cell.witnessed = witness_.empty();
        if (auto kept = keep(at, cell); !kept)
            return kept;
        return testify(at);
    }

private:
    static std::size_t index(std::string const& outlet)
    {
        return outlet.empty() ? 0 : static_cast<std::size_t>(parse_integer(outlet).value_or(1) - 1);
    }
    PowerState after(Action action, PowerState state) const
    {
        switch (action) {
        case Action::on:
            return absolute_ ? PowerState::on : flipped(state);
        case Action::off:
            return absolute_ ? PowerState::off : flipped(state);
        case Action::soft:
            return PowerState::off;
        case Action::cycle:
            return PowerState::on;
        default:
            return state;
        }
    }
    Result<> keep(std::size_t at, Cell const& cell)
    {
        cells_[at] = cell;
        if (state_.empty())
            return {};
        File const file(state_, O_WRONLY | O_CREAT);
        auto const line = to_line(cell);
        if (!file || ::pwrite(file.fd(), line.data(), line.size(), static_cast<off_t>(at * cell_size)) < 0)
            return fail(Errc::internal, errno_text("write the state file", state_));
        return {};
    }
    std::string testimony(std::size_t at) const
    {
        auto const& cell = cells_[at];
        auto const outlet = numbered_ ? std::to_string(at + 1) : std::string("-");
        return fmt::format("{} {} {} {} {}->{}\n", cell.at.time_since_epoch().count(), device_, outlet,
            name(cell.action), name(cell.before), name(cell.now));
    }
    Result<> testify(std::size_t at)
    {
        if (cells_[at].witnessed)
            return {};
        File const file(witness_, O_WRONLY | O_APPEND | O_CREAT);
        auto const line = testimony(at);
        if (!file || ::write(file.fd(), line.data(), line.size()) < 0)
            return fail(Errc::internal, errno_text("write the witness", witness_), Effect::possible);
        auto cell = cells_[at];
        cell.witnessed = true;
        return keep(at, cell);
    }
    bool stands_in_witness(std::string const& line) const
    {
        std::ifstream file(witness_);
        std::string seen;
        while (std::getline(file, seen))
            if (seen.size() + 1 == line.size() && line.starts_with(seen))
                return true;
        return false;
    }
    Result<> load()
    {
        if (loaded_ || state_.empty())
            return {};
        std::ifstream file(state_);
        std::string const text{std::istreambuf_iterator<char>(file), {}};
        for (std::size_t at = 0; at < cells_.size() && (at + 1) * cell_size <= text.size(); ++at) {
            auto const line = std::string_view(text).substr(at * cell_size, cell_size);
            if (line.front() == '\0')
                continue; // a hole: this outlet has not acted yet
            auto const cell = cell_from(line);
            if (!cell)
                return fail(
                    Errc::internal, fmt::format("the state file {} is damaged at record {}", state_, at + 1));
            cells_[at] = *cell;
            if (cell->witnessed || witness_.empty())
                continue;
            cells_[at].witnessed = stands_in_witness(testimony(at));
            if (auto told = testify(at); !told)
                return told;
        }
        loaded_ = true;
        return {};
    }

    std::string device_;
    std::string state_;
    std::string witness_;
    std::chrono::milliseconds switch_delay_;
    bool absolute_;
    bool numbered_; // outlets have numbers, not the empty name
    bool loaded_ = false;
    std::vector<Cell> cells_;
};

Capabilities capabilities_of(DriverConfig const& config)
{
    Capabilities result;
    result.actions = {Action::on, Action::off, Action::reset, Action::soft, Action::diag, Action::invoke};
    if (config.boolean("cycle"))
        result.actions = {Action::on, Action::off, Action::cycle, Action::reset, Action::soft, Action::diag,
            Action::invoke};
    result.read = config.boolean("read");
    result.absolute = config.boolean("absolute");
    result.atomic_cycle = config.boolean("cycle");
    return result;
}

class FakeDriver final : public Driver {
public:
    FakeDriver(Toolbox& toolbox, DriverConfig const& config)
        : timers_(toolbox.timers),
          capabilities_(capabilities_of(config)),
          leg_(config.duration("latency") / 3),
          fault_(config.text("fail")),
          fail_on_(config.list("fail_on")),
          fail_first_(config.integer("fail_first")),
          fail_rate_(config.integer("fail_rate")),
          hardware_(config)
    {
        random_ =
            static_cast<std::uint64_t>(config.integer("seed")) ^ std::hash<std::string>{}(config.device());
    }

    Capabilities capabilities() const noexcept override { return capabilities_; }

    asio::awaitable<Result<PowerState>> read(Attempt& attempt, std::string const& outlet) override
    {
        if (!capabilities_.read)
            co_return fail(Errc::unsupported_action, "this fake device cannot read its state");
        auto const fault = strike("read");
        auto const till = attempt.deadline();
        Result<> way = co_await login(fault, till);
        if (way)
            way = co_await pass(2 * leg_, till, Effect::none);
        if (way && fault != "none")
            way = co_await suffer(fault, till, Effect::none);
        if (!way)
            co_return std::unexpected(way.error());
        co_return hardware_.look(outlet);
    }

    asio::awaitable<Result<>> write(Attempt& attempt, std::string const& outlet, Action action) override
    {
        if (!capabilities_.actions.contains(action) || action == Action::invoke)
            co_return fail(
                Errc::unsupported_action, fmt::format("this fake device has no action {}", name(action)));
        auto const fault = strike(name(action));
        auto const till = attempt.deadline();
        Result<> way = co_await login(fault, till);
        if (way)
            way = co_await attempt.about_to_send();
        if (!way)
            co_return way;
        way = co_await pass(leg_, till, Effect::possible);
        if (way && fault != "none" && fault != "lost_reply")
            way = co_await suffer(fault, till, Effect::possible);
        if (way)
            way = hardware_.act(outlet, action);
        if (way)
            way = co_await pass(leg_, till, Effect::possible);
        if (way && fault == "lost_reply")
            way = co_await suffer(fault, till, Effect::possible);
        co_return way;
    }

    asio::awaitable<Result<json::value>> invoke(
        Attempt& attempt, std::string const&, Operation const& operation) override
    {
        auto answer = answer_to(operation);
        if (!answer)
            co_return answer;
        auto const fault = strike("invoke");
        auto const till = attempt.deadline();
        Result<> way = co_await login(fault, till);
        if (way)
            way = co_await attempt.about_to_send();
        if (!way)
            co_return std::unexpected(way.error());
        way = co_await pass(2 * leg_, till, Effect::possible);
        if (way && fault != "none")
            way = co_await suffer(fault, till, Effect::possible);
        if (!way)
            co_return std::unexpected(way.error());
        co_return answer;
    }

private:
    // The fault that strikes this call: "none" or one of the key's values.
    std::string strike(std::string_view call)
    {
        if (fault_ == "none" || (!fail_on_.empty() && std::ranges::find(fail_on_, call) == fail_on_.end()))
            return "none";
        ++calls_;
        if (fail_first_ > 0 && calls_ > fail_first_)
            return "none";
        random_ += 0x9e3779b97f4a7c15U; // splitmix64
        auto z = random_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        z ^= z >> 31U;
        return static_cast<std::int64_t>(z % 100) < fail_rate_ ? fault_ : "none";
    }
    asio::awaitable<Result<>> pass(Clock::duration time, Clock::time_point till, Effect effect)
    {
        if (time == Clock::duration::zero())
            co_return Result<>{};
        auto const there = Clock::now() + time;
        bool const waited = co_await timers_.wait_until(std::min(there, till));
        if (!waited)
            co_return fail(Errc::cancelled, "the call was cancelled", effect);
        if (there > till)
            co_return fail(Errc::timed_out, "no answer before the deadline", effect);
        co_return Result<>{};
    }
    asio::awaitable<Result<>> login(std::string fault, Clock::time_point till)
    {
        Result<> way = co_await pass(leg_, till, Effect::none);
        if (way && fault == "unreachable")
            way = fail(Errc::unreachable, "no route to the fake device");
        if (way && fault == "auth_failed")
            way = fail(Errc::auth_failed, "the fake device does not know this user");
        co_return way;
    }
    asio::awaitable<Result<>> suffer(std::string fault, Clock::time_point till, Effect effect)
    {
        if (fault == "refused")
            co_return fail(Errc::refused, "the fake device said no"); // it answered, so it did nothing
        if (fault == "protocol")
            co_return fail(Errc::protocol, "the fake device answered with garbage", effect);
        if (fault == "timed_out") {
            // Not in one condition with &&: g++ 12.2 loses its way in a co_await behind a short circuit.
            auto const waited = co_await timers_.wait_until(till);
            if (!waited)
                co_return fail(Errc::cancelled, "the call was cancelled", effect);
        }
        co_return fail(Errc::timed_out, "no answer from the fake device", effect);
    }

    static Result<json::value> answer_to(Operation const& operation)
    {
        auto const& params = operation.params;
        if (operation.name == "echo")
            return json::value(params);
        if (operation.name == "identify") {
            auto const* const seconds = params.if_contains("seconds");
            auto const value = seconds == nullptr ? 15 : seconds->is_int64() ? seconds->get_int64() : -1;
            if (value < 0 || value > 255)
                return fail(Errc::bad_request, "identify: seconds must be a whole number from 0 to 255");
            return json::value(json::object{{"seconds", value}});
        }
        if (operation.name == "bootdev") {
            static constexpr std::array<std::string_view, 5> devices{"none", "pxe", "disk", "cdrom", "bios"};
            auto const* const device = params.if_contains("device");
            if (device == nullptr || !device->is_string()
                || std::ranges::find(devices, std::string_view(device->get_string())) == devices.end())
                return fail(Errc::bad_request, "bootdev: device must be none, pxe, disk, cdrom or bios");
            return json::value(params);
        }
        return fail(Errc::unsupported_action,
            fmt::format("no operation '{}'; this device has identify, bootdev, echo", operation.name));
    }

    Timers& timers_;
    Capabilities capabilities_;
    Clock::duration leg_; // login, way out, way back
    std::string fault_;
    std::vector<std::string> fail_on_;
    std::int64_t fail_first_;
    std::int64_t fail_rate_;
    std::int64_t calls_ = 0;
    std::uint64_t random_ = 0;
    Hardware hardware_;
};

Result<std::unique_ptr<Driver>> make(Toolbox& toolbox, DriverConfig const& config)
{
    return std::make_unique<FakeDriver>(toolbox, config);
}

Result<std::string> canonical_outlet(DriverConfig const& config, std::string_view outlet)
{
    auto const count = config.integer("outlets");
    if (count == 0)
        return only_the_empty_outlet(config, outlet);
    auto const number = parse_integer(outlet);
    if (!number || *number < 1 || *number > count)
        return fail(Errc::unknown_target,
            fmt::format("device {} has no outlet '{}'; it has 1 to {}", config.device(), outlet, count));
    return std::to_string(*number);
}

std::string endpoint(DriverConfig const& config)
{
    return "fake|" + config.device();
}

} // namespace

extern DriverSpec const fake_driver;
DriverSpec const fake_driver{.name = "fake",
    .summary = "A device in memory, with latency, faults and a witness.",
    .keys = keys,
    .make = make,
    .canonical_outlet = canonical_outlet,
    .endpoint = endpoint,
    .capabilities = capabilities_of};

} // namespace switchyard
