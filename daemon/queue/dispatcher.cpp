// The door: what clients ask for, checked, journaled and answered.
#include "daemon/queue/dispatcher.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {
namespace {

constexpr milliseconds longest_delay{std::chrono::hours{24 * 365}};

} // namespace

Dispatcher::Dispatcher(Parts parts, Config config)
    : timers_(parts.timers),
      tools_(parts.tools),
      store_(parts.store),
      observer_(parts.observer),
      log_(parts.log),
      random_(static_cast<std::minstd_rand::result_type>(parts.seed % 2147483646U + 1U)),
      tasks_(parts.timers),
      context_{timers_, tasks_, tools_, health_, observer_, log_, random_},
      config_(config.daemon),
      events_(timers_.executor(), config.daemon.event_ring),
      yard_(context_, *this)
{
    yard_.apply(std::move(config));
}

Dispatcher::~Dispatcher() = default;

Command* Dispatcher::find(CommandId id) const noexcept
{
    auto const at = commands_.find(id);
    return at != commands_.end() ? at->second.get() : nullptr;
}

Result<> Dispatcher::check(Request const& request) const
{
    if (request.delay && (request.delay->count() < 0 || *request.delay > longest_delay))
        return fail(Errc::bad_request, "field 'delay' must be from 0 seconds to a year");
    if (request.deadline && (request.deadline->count() <= 0 || *request.deadline > config_.deadline_max))
        return fail(Errc::bad_request,
            fmt::format("field 'deadline' must be more than 0 seconds and at most {}",
                to_text(config_.deadline_max)));
    if (request.off_time && request.action != Action::cycle)
        return fail(Errc::bad_request, "field 'off_time' is for cycle only");
    if (request.ensure && request.action != Action::on && request.action != Action::off)
        return fail(Errc::bad_request, "field 'ensure' is for on and off only");
    if ((request.action == Action::invoke) == request.operation.empty())
        return fail(Errc::bad_request, "field 'operation' goes with the action invoke, and only with it");
    return {};
}

// Can the devices do this? Decides, too, who makes a cycle: we in steps, or the device by itself.
Result<> Dispatcher::check_devices(Command& command) const
{
    auto const action = command.request.action;
    bool const single = action == Action::reset || action == Action::soft || action == Action::diag
        || action == Action::invoke;
    if (single && command.steps.size() > 1)
        return fail(Errc::unsupported_action,
            fmt::format("{} needs exactly one system, '{}' has {} outlets", name(action),
                command.request.target, command.steps.size()));
    for (auto const& step : command.steps) {
        auto const rules = step.device->rules();
        bool able = rules.can_do(action);
        if (action == Action::cycle) {
            bool const in_steps = rules.can_do(Action::on) && rules.can_do(Action::off);
            command.native =
                (step.device->config().native_cycle || !in_steps) && able && command.steps.size() == 1;
            able = command.native || in_steps;
        }
        if (!able)
            return fail(Errc::unsupported_action,
                fmt::format("device {} (driver {}) cannot {}", step.device->name(),
                    step.device->driver_name(0), name(action)));
    }
    return {};
}

Result<> Dispatcher::admit(Command const& command) const
{
    if (stopping_)
        return fail(Errc::shutting_down, "");
    if (commands_.size() + appending_ >= config_.queue_limit)
        return fail(
            Errc::busy, fmt::format("{} commands are open (daemon.queue_limit)", config_.queue_limit));
    for (auto const& step : command.steps)
        if (step.device->queued >= step.device->config().queue_limit)
            return fail(Errc::busy,
                fmt::format("device {} has {} open commands (its queue_limit)", step.device->name(),
                    step.device->queued));
    return {};
}

Result<std::unique_ptr<Command>> Dispatcher::prepare(Principal const& who, Request request)
{
    if (auto const valid = check(request); !valid)
        return std::unexpected(valid.error());
    auto outlets = yard_.resolve(request.target, request.outlet);
    if (!outlets)
        return std::unexpected(std::move(outlets.error()));
    auto command = std::make_unique<Command>(CommandId{}, who.name, std::move(request));
    command->steps = std::vector<Step>(outlets->size());
    auto off_time = milliseconds{0};
    for (std::size_t i = 0; i < outlets->size(); ++i) {
        auto& step = command->steps[i];
        step.command = command.get();
        step.outlet = std::move((*outlets)[i]);
        step.device = &yard_.awake(*yard_.device(step.outlet.device));
        off_time = std::max(off_time, step.device->config().off_time);
    }
    if (auto const able = check_devices(*command); !able)
        return std::unexpected(able.error());
    if (auto const admitted = admit(*command); !admitted)
        return std::unexpected(admitted.error());
    if (command->is_cycle() && !command->request.off_time)
        command->request.off_time = off_time;
    auto const delay = command->request.delay.value_or(milliseconds{0});
    auto const patience = command->request.deadline.value_or(config_.deadline);
    command->accepted_at = Clock::now();
    command->due_at = command->accepted_at + delay;
    command->deadline_at = command->due_at + patience;
    command->accepted = Clock::utc();
    command->due = command->accepted + delay;
    command->deadline = command->due + patience;
    command->state = delay.count() > 0 ? CommandState::delayed : CommandState::queued;
    return command;
}

asio::awaitable<Result<Accepted>> Dispatcher::submit(Principal const& who, Request request)
{
    if (!recovered_)
        co_return fail(Errc::store_unavailable, "the journal is still being read");
    auto prepared = prepare(who, std::move(request));
    if (!prepared)
        co_return std::unexpected(std::move(prepared.error()));
    auto command = std::move(*prepared);
    command->id = store_.next_id();
    reserve(*command);
    ++appending_;
    auto row = stored_command(*command);
    auto appended = co_await store_.append(std::move(row));
    --appending_;
    if (!appended || appended->earlier) {
        unreserve(*command);
        if (!appended)
            co_return std::unexpected(std::move(appended.error()));
        co_return co_await repeated(std::move(*appended->earlier), command->request);
    }
    Accepted const accepted{command->id, false};
    auto& placed = *command;
    commands_.emplace(placed.id, std::move(command));
    observer_.accepted(placed.request.action, Clock::now() - placed.accepted_at);
    if (log_.wants(LogLevel::info)) // the fields cost more than the comparison, for every command
        log_.info("accepted",
            {kv("command_id", placed.id.value), kv("action", name(placed.request.action)),
                kv("target", placed.request.target), kv("principal", placed.principal),
                kv("reason", placed.request.reason)});
    publish(placed);
    if (!halted_)
        start(placed);
    co_return accepted;
}

// The key stands for an earlier command: it is the answer, if the request is the same.
asio::awaitable<Result<Accepted>> Dispatcher::repeated(StoredCommand earlier, Request const& request)
{
    auto first = command_from(earlier);
    if (!first)
        co_return std::unexpected(std::move(first.error()));
    // What was filled in from the configuration at the time is no difference.
    Request asked = request;
    if (asked.action == Action::cycle && !asked.off_time)
        asked.off_time = (*first)->request.off_time;
    if (!asked.same_as((*first)->request))
        co_return fail(Errc::key_conflict,
            fmt::format("key '{}' belongs to command {}", request.key.value_or(""), earlier.id.value));
    co_return Accepted{earlier.id, true};
}

asio::awaitable<Result<Report>> Dispatcher::ended_report(CommandId id)
{
    auto const recent = std::ranges::find(recent_, id, &Report::id);
    if (recent != recent_.end())
        co_return *recent;
    auto row = co_await store_.find(id);
    if (!row)
        co_return std::unexpected(std::move(row.error()));
    if (!*row)
        co_return fail(
            Errc::not_found, fmt::format("command {} is not known (it may have been forgotten)", id.value));
    if (is_end((*row)->state))
        co_return report_from(**row);
    // Durable, but its acceptance has not come back to this thread yet.
    auto command = command_from(**row);
    if (!command)
        co_return std::unexpected(std::move(command.error()));
    co_return report_of(**command);
}

asio::awaitable<Result<Report>> Dispatcher::wait(CommandId id, Clock::time_point until)
{
    while (auto* const command = find(id)) {
        bool const owes = command->past_deadline() && command->owes_power() && !command->ending;
        bool const answer_now = halted_ || Clock::now() >= until || owes;
        if (answer_now)
            co_return report_of(*command);
        Signal changed(timers_.executor());
        TimerNode timer([&changed] { changed.notify(); });
        if (until != Clock::time_point::max())
            timers_.arm(timer, until);
        command->waiters.push_back(&changed);
        bool const woken = co_await changed.wait();
        if (auto* const still = find(id))
            std::erase(still->waiters, &changed);
        if (!woken)
            break;
    }
    co_return co_await look(id);
}

asio::awaitable<Result<Report>> Dispatcher::look(CommandId id)
{
    if (auto const* const command = find(id))
        co_return report_of(*command);
    co_return co_await ended_report(id);
}

asio::awaitable<Result<CommandPage>> Dispatcher::list(CommandFilter filter)
{
    filter.limit = std::clamp<std::size_t>(filter.limit, 1, 500);
    auto const limit = filter.limit;
    auto rows = co_await store_.list(std::move(filter));
    if (!rows)
        co_return std::unexpected(std::move(rows.error()));
    CommandPage page;
    for (auto const& row : *rows) {
        Result<Report> report;
        if (auto const* const open = find(row.id)) {
            report = report_of(*open);
        } else if (is_end(row.state)) {
            report = report_from(row);
        } else {
            auto command = command_from(row);
            report =
                command ? Result<Report>(report_of(**command)) : std::unexpected(std::move(command.error()));
        }
        if (!report)
            co_return std::unexpected(std::move(report.error()));
        page.commands.push_back(std::move(*report));
    }
    if (rows->size() == limit)
        page.next = rows->back().id;
    co_return page;
}

asio::awaitable<Result<OutletReport>> Dispatcher::read_outlet(OutletRef outlet,
    std::chrono::milliseconds max_age, Clock::time_point until, std::chrono::milliseconds& age)
{
    auto* const device = yard_.device(outlet.device);
    if (device == nullptr)
        co_return fail(Errc::unknown_target, fmt::format("device {} is gone", outlet.device));
    auto& line = yard_.awake(*device).line(outlet.outlet);
    auto const allowed_age = std::max(max_age, device->config().max_age);
    OutletReport report;
    report.device = outlet.device;
    report.outlet = outlet.outlet;
    if (line.known && Clock::now() - line.known->at <= allowed_age && allowed_age.count() > 0) {
        report.power = line.known->state;
        report.driver = device->driver_name(line.known->driver);
        report.confirmed = true;
        age = std::max(age, std::chrono::duration_cast<milliseconds>(Clock::now() - line.known->at));
        co_return report;
    }
    if (!device->rules().can_read())
        co_return fail(Errc::unsupported_action,
            fmt::format("device {} (driver {}) cannot report its power state", outlet.device,
                device->driver_name(0)));
    StateReader reader(timers_.executor());
    TimerNode timer([&reader] { reader.done.notify(); });
    timers_.arm(timer, until);
    device->worker->read(line, reader);
    co_await reader.done.wait();
    if (!reader.state) {
        device->worker->forget(line, reader);
        if (halted_)
            co_return fail(Errc::shutting_down, "");
        co_return fail(Errc::timed_out, "the read is still waiting for its turn");
    }
    if (!*reader.state)
        co_return std::unexpected(reader.state->error());
    report.power = **reader.state;
    report.driver = std::move(reader.driver);
    report.confirmed = true;
    co_return report;
}

asio::awaitable<Result<TargetState>> Dispatcher::state(Principal const&, std::string target,
    std::optional<std::string> outlet, std::chrono::milliseconds max_age, Clock::time_point until)
{
    auto const outlets = yard_.resolve(target, outlet);
    if (!outlets)
        co_return std::unexpected(outlets.error());
    if (stopping_)
        co_return fail(Errc::shutting_down, "");
    TargetState state;
    state.target = std::move(target);
    std::optional<Error> first;
    bool known = true;
    for (auto const& part : *outlets) {
        auto report = co_await read_outlet(part, max_age, until, state.age);
        if (!report) {
            OutletReport failed;
            failed.device = part.device;
            failed.outlet = part.outlet;
            failed.error = report.error();
            if (!first)
                first = report.error();
            report = std::move(failed);
        }
        known = known && report->power != PowerState::unknown;
        bool const same = state.outlets.empty() || state.power == report->power;
        state.power = !known ? PowerState::unknown : same ? report->power : PowerState::partial;
        state.outlets.push_back(std::move(*report));
    }
    if (first && outlets->size() == 1)
        co_return std::unexpected(std::move(*first));
    co_return state;
}

Result<DeviceInfo> Dispatcher::device(std::string_view name) const
{
    auto const* const device = yard_.device(name);
    if (device == nullptr)
        return fail(Errc::unknown_target, fmt::format("no device '{}'", name));
    return yard_.info(*device);
}

asio::awaitable<Result<>> Dispatcher::release(Principal const& who, std::string name)
{
    auto* device = yard_.device(name);
    if (device == nullptr)
        co_return fail(Errc::unknown_target, fmt::format("no device '{}'", name));
    if (!device->held)
        co_return Result<>();
    std::vector<Change> changes;
    changes.emplace_back(Release{name});
    auto const written = co_await store_.commit(std::move(changes));
    if (!written)
        co_return written;
    device = yard_.device(name);
    if (device != nullptr) {
        device->held = false;
        device->hold_reason.clear();
        log_.info("released", {kv("device", name), kv("principal", who.name)});
        yard_.awake(*device).worker->kick();
    }
    co_return Result<>();
}

Health Dispatcher::health() const
{
    Health health;
    auto const status = store_.status();
    health.ready = recovered_ && !stopping_ && status.accepting;
    health.reason = stopping_ ? "stopping" : !recovered_ ? "starting" : status.reason;
    health.open_commands = commands_.size();
    health.devices = yard_.device_count();
    health.failed_devices = yard_.failed_count();
    health.targets = yard_.target_count();
    return health;
}

std::optional<Clock::duration> Dispatcher::oldest_open() const
{
    std::optional<Clock::duration> oldest;
    for (auto const& [id, command] : commands_)
        if (!oldest || Clock::now() - command->accepted_at > *oldest)
            oldest = Clock::now() - command->accepted_at;
    return oldest;
}

std::array<std::size_t, 5> Dispatcher::depth() const
{
    std::array<std::size_t, 5> depth{};
    for (auto const& [id, command] : commands_)
        if (!is_end(command->state))
            ++depth[static_cast<std::size_t>(command->state)];
    return depth;
}

asio::awaitable<Result<std::size_t>> Dispatcher::prune()
{
    co_return co_await store_.prune(Clock::utc() - config_.store.keep, config_.store.keep_max);
}

} // namespace switchyard
