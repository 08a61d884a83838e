// The driver calls of a DeviceWorker: one at a time, each with its deadline, none of which can throw into the
// queue.
#include "daemon/queue/device_worker.hpp"

#include <algorithm>

namespace switchyard {

// What the worker lends to a driver for one call.
class DeviceWorker::Lease final : public Attempt {
public:
    Lease(WorkerHost& host, Step* step, Clock::time_point deadline)
        : host_(host), step_(step), deadline_(deadline)
    {
    }

    Clock::time_point deadline() const noexcept override { return deadline_; }
    void begin(Clock::time_point deadline) noexcept { deadline_ = deadline; }
    asio::awaitable<Result<>> about_to_send() override
    {
        if (step_ == nullptr)
            co_return fail(Errc::internal, "a driver wanted to switch while it was asked to read");
        if (sent_)
            co_return Result<>();
        auto const allowed = co_await host_.about_to_send(*step_);
        // The call was cancelled while the intent was being written: it must not begin to send.
        if (allowed && Clock::now() >= deadline_)
            co_return fail(Errc::timed_out, "before anything was sent");
        sent_ = allowed.has_value();
        co_return allowed;
    }
    bool sent() const noexcept { return sent_; }

private:
    WorkerHost& host_;
    Step* step_;
    Clock::time_point deadline_;
    bool sent_ = false;
};

namespace {

// A reload during the call must not take the driver away.
class CallGuard {
public:
    explicit CallGuard(Device& device) : device_(device) { device_.call_begins(); }
    ~CallGuard() { device_.call_ended(); }
    CallGuard(CallGuard const&) = delete;
    CallGuard& operator=(CallGuard const&) = delete;

private:
    Device& device_;
};

// A driver that throws has a bug; the daemon and the other devices must not pay for it.
template <class T>
asio::awaitable<Result<T>> guarded(asio::awaitable<Result<T>> call)
{
    std::string what;
    try {
        co_return co_await std::move(call);
    } catch (std::exception const& error) {
        what = error.what();
    }
    co_return fail(Errc::internal, "the driver failed: " + what, Effect::possible);
}

asio::awaitable<Result<>> invoke_into(
    Driver& driver, Attempt& attempt, std::string const& outlet, Operation operation, json::value& into)
{
    auto answer = co_await driver.invoke(attempt, outlet, operation);
    if (!answer)
        co_return std::unexpected(std::move(answer.error()));
    into = std::move(*answer);
    co_return Result<>();
}

} // namespace

asio::awaitable<void> DeviceWorker::run(Unit unit)
{
    std::optional<Unit> next = unit;
    while (next) {
        if (next->step != nullptr) {
            reads_in_a_row_ = 0;
            co_await do_write(*next);
        } else {
            ++reads_in_a_row_;
            co_await do_read(*next->line);
        }
        next = host_.halted() ? std::nullopt : pick();
    }
    busy_ = false;
}

// The device's pause between two calls, for those that follow each other without a turn of the queue between
// them.
asio::awaitable<void> DeviceWorker::rest(Device const& device)
{
    auto const gap = device.config().min_gap;
    if (gap.count() > 0 && last_end_ != Clock::time_point{} && Clock::now() < last_end_ + gap)
        co_await context_.timers.wait_until(last_end_ + gap);
}

asio::awaitable<void> DeviceWorker::do_read(Line& line)
{
    // Only those who asked before the read starts are answered by it.
    being_read_ = std::exchange(line.readers, {});
    CallGuard const guard(line.device);
    std::uint8_t driver = 0;
    auto const state = co_await read_any(line, driver);
    line.in_read = false;
    if (state)
        line.known = KnownState{*state, Clock::now(), driver};
    for (auto* reader : std::exchange(being_read_, {})) {
        reader->state = state;
        reader->driver = line.device.driver_name(driver);
        reader->done.notify();
    }
    auto* const step = line.active;
    if (host_.halted() || step == nullptr || step->fsm.want() != AttemptFsm::Want::read)
        co_return;
    if (state && !step->fsm.sent()) { // whoever wrote has the last word
        step->driver = driver;
        step->driver_known = true;
    }
    step->fsm.seen(step->device->rules(), Clock::now(), state, context_.jitter());
    digest(*step);
}

asio::awaitable<Result<PowerState>> DeviceWorker::read_any(Line& line, std::uint8_t& driver)
{
    auto& device = line.device;
    std::string const outlet = line.outlet;
    Result<PowerState> state = fail(Errc::unsupported_action, "the device cannot report its power state");
    for (std::size_t i = 0; i < device.driver_count(); ++i) {
        if (!device.rules().drivers[i].read)
            continue;
        auto const* const health = context_.health.find(device.endpoint(i));
        if (health != nullptr && !health->usable(Clock::now())) {
            state = std::unexpected(health->why_not());
            continue;
        }
        driver = static_cast<std::uint8_t>(i);
        state = co_await read_from(device, i, outlet);
        if (state)
            break;
    }
    co_return state;
}

asio::awaitable<Result<PowerState>> DeviceWorker::read_from(
    Device& device, std::size_t index, std::string const& outlet)
{
    co_await rest(device);
    auto const started = Clock::now();
    auto driver = device.driver(context_.tools, index);
    if (!driver)
        co_return std::unexpected(std::move(driver.error()));
    if (context_.health.find(device.endpoint(index)) != nullptr)
        context_.health.at(device.endpoint(index)).begin(device.config(), started);
    Lease lease(host_, nullptr, started + device.config().attempt_timeout);
    auto const state =
        co_await with_deadline(context_.timers, lease.deadline(), guarded((*driver)->read(lease, outlet)));
    last_end_ = Clock::now();
    context_.observer.driver_call(device.driver_name(index), false, last_end_ - started);
    note_result(device, index, state ? nullptr : &state.error());
    co_return state;
}

asio::awaitable<void> DeviceWorker::do_write(Unit unit)
{
    auto& step = *unit.step;
    auto& device = *step.device;
    CallGuard const guard(device);
    // A reload may have come between the choice and this turn: choose again.
    if (!step.fsm.allows(device.rules(), unit.driver)) {
        step.in_call = false;
        if (unit.group != nullptr)
            unit.group->release();
        co_return;
    }
    step.driver = static_cast<std::uint8_t>(unit.driver);
    step.driver_known = true;
    Lease lease(host_, &step, Clock::now() + device.config().attempt_timeout);
    auto result = co_await probe_then_write(unit, lease);
    if (!result && !lease.sent())
        result.error().effect = Effect::none;
    step.in_call = false;
    if (lease.sent())
        step.line->known.reset(); // a read that began before the intent tells nothing any more
    if (unit.group != nullptr)
        unit.group->release();
    if (host_.halted())
        co_return;
    step.fsm.written(device.rules(), Clock::now(), unit.driver, result, context_.jitter());
    if (!result)
        context_.log.info("try failed",
            {kv("command_id", step.command->id.value), kv("device", device.name()),
                kv("outlet", step.outlet.outlet), kv("driver", device.driver_name(unit.driver)),
                kv("error", result.error().message()),
                kv("effect", result.error().effect == Effect::none ? "none" : "possible")});
    digest(step);
}

// Half open: a status tells whether the device is back, before anything is switched.
asio::awaitable<Result<>> DeviceWorker::probe_then_write(Unit unit, Lease& lease)
{
    auto& device = *unit.step->device;
    auto const* const health = context_.health.find(device.endpoint(unit.driver));
    if (health != nullptr && health->probing(Clock::now()) && device.rules().drivers[unit.driver].read) {
        std::string const outlet = unit.step->outlet.outlet;
        auto const alive = co_await read_from(device, unit.driver, outlet);
        if (!alive)
            co_return std::unexpected(alive.error());
    }
    co_return co_await call_driver(unit, lease);
}

asio::awaitable<Result<>> DeviceWorker::call_driver(Unit unit, Lease& lease)
{
    auto& step = *unit.step;
    auto& device = *step.device;
    co_await rest(device);
    auto const started = Clock::now();
    lease.begin(started + device.config().attempt_timeout); // its own time, not what a probe has left of it
    auto driver = device.driver(context_.tools, unit.driver);
    if (!driver)
        co_return std::unexpected(std::move(driver.error()));
    if (context_.health.find(device.endpoint(unit.driver)) != nullptr)
        context_.health.at(device.endpoint(unit.driver)).begin(device.config(), started);
    std::string const outlet = step.outlet.outlet;
    Result<> result;
    if (step.fsm.action() == Action::invoke) {
        Operation operation(step.command->request.operation, step.command->request.params);
        auto call = invoke_into(**driver, lease, outlet, std::move(operation), step.command->result);
        result = co_await with_deadline(context_.timers, lease.deadline(), guarded(std::move(call)));
    } else {
        auto call = (*driver)->write(lease, outlet, step.fsm.action());
        result = co_await with_deadline(context_.timers, lease.deadline(), guarded(std::move(call)));
    }
    last_end_ = Clock::now();
    context_.observer.driver_call(device.driver_name(unit.driver), true, last_end_ - started);
    // What about_to_send() refused says nothing about the device.
    bool const ours = !result && !lease.sent()
        && (result.error().code == Errc::cancelled || result.error().code == Errc::expired
            || result.error().code == Errc::superseded || result.error().code == Errc::commit_unknown
            || result.error().code == Errc::shutting_down);
    if (!ours)
        note_result(device, unit.driver, result ? nullptr : &result.error());
    else if (context_.health.find(device.endpoint(unit.driver)) != nullptr)
        context_.health.at(device.endpoint(unit.driver)).inconclusive();
    co_return result;
}

void DeviceWorker::note_result(Device& device, std::size_t index, Error const* error)
{
    auto const& endpoint = device.endpoint(index);
    if (error == nullptr) {
        device.last_error.clear();
        if (context_.health.find(endpoint) != nullptr) {
            context_.health.at(endpoint).succeeded();
            context_.health.forget_if_healthy(endpoint);
        }
        return;
    }
    device.last_error = error->message();
    context_.observer.driver_error(device.driver_name(index), error->code);
    auto& health = context_.health.at(endpoint);
    auto const was = health.breaker();
    health.failed(device.config(), Clock::now(), *error);
    if (health.breaker() == Breaker::open && was == Breaker::closed)
        context_.log.warning(
            "circuit breaker opened", {kv("device", device.name()), kv("error", error->message())});
    if (error->code == Errc::auth_failed)
        context_.log.warning("the device refused our credentials and is not asked again",
            {kv("device", device.name()), kv("error", error->message())});
    context_.health.forget_if_healthy(endpoint);
}

} // namespace switchyard
