#include "client/commands/power.hpp"

#include "client/output/words.hpp"
#include "core/base/host_range.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

#include <random>

namespace switchyard::client {
namespace {

std::string random_key()
{
    std::random_device device;
    std::string key = "pduclient-";
    for (int i = 0; i < 4; ++i) {
        auto bits = device();
        for (int digit = 0; digit < 8; ++digit, bits >>= 4U)
            key += "0123456789abcdef"[bits & 15U];
    }
    return key;
}

// One run of a verb over many targets.
class Run {
public:
    Run(Context& context, Action action, std::vector<std::string> targets)
        : context_(context), action_(action), targets_(std::move(targets)), until_(context.until())
    {
    }

    asio::awaitable<void> worker()
    {
        // After Ctrl-C no further target is begun.
        auto const state = co_await asio::this_coro::cancellation_state;
        while (next_ < targets_.size() && state.cancelled() == asio::cancellation_type::none) {
            auto const& target = targets_[next_++];
            co_await one(target);
        }
    }
    std::size_t size() const noexcept { return targets_.size(); }
    ExitCode finish();

private:
    Request request_for(std::string const& target) const;
    asio::awaitable<void> one(std::string const& target);
    asio::awaitable<void> submit_only(std::string const& target);
    void ended(std::string const& target, Report const& report);
    void refused(std::string const& target, Error const& error);
    void count(ExitCode code);
    void show_progress(std::string_view latest);

    Context& context_;
    Action action_;
    std::vector<std::string> targets_;
    Clock::time_point until_;
    std::size_t next_ = 0;
    ExitCode code_ = ExitCode::done;
    std::map<ExitCode, std::vector<std::string>> results_;
    std::size_t finished_ = 0;
};

Request Run::request_for(std::string const& target) const
{
    auto const& options = context_.options;
    Request request;
    request.target = target;
    request.action = action_;
    request.priority =
        options.priority.value_or(context_.terminal.interactive() ? Priority::interactive : Priority::normal);
    // A key of our own, too: when the connection breaks in the wrong moment it is safe to ask again.
    request.key =
        options.key ? (targets_.size() > 1 ? *options.key + "/" + target : *options.key) : random_key();
    request.delay = options.delay;
    request.off_time = options.off_time;
    request.deadline = options.deadline;
    request.coalesce = options.coalesce;
    request.ensure = options.ensure;
    request.reason = options.reason;
    return request;
}

asio::awaitable<void> Run::one(std::string const& target)
{
    if (!context_.options.wait) {
        co_await submit_only(target);
        co_return;
    }
    CommandId id;
    PowerClient::Progress progress;
    progress.accepted = [&](PowerClient::Accepted const& accepted) {
        id = accepted.id;
        context_.open.emplace(id, target);
        show_progress(command_of(target, id));
    };
    progress.event = [&](Event const& event) {
        show_progress(target + ": " + std::string(name(event.state)));
    };
    auto request = request_for(target);
    auto const report = co_await context_.power.run(std::move(request), until_, progress);
    if (!report && report.error().code == Errc::cancelled && id && context_.open.contains(id))
        co_return; // interrupted: what is open is told at the end
    if (report) {
        ended(target, *report);
        if (is_end(report->state))
            context_.open.erase(id);
    } else {
        context_.open.erase(id);
        refused(target, report.error());
    }
}

asio::awaitable<void> Run::submit_only(std::string const& target)
{
    auto request = request_for(target);
    auto const accepted = co_await context_.power.submit(std::move(request));
    if (!accepted) {
        refused(target, accepted.error());
        co_return;
    }
    if (context_.options.json) {
        json::object out;
        out.emplace("name", target);
        out.emplace("command", accepted->id.value);
        out.emplace("repeated", accepted->repeated);
        context_.terminal.line(json::serialize(out));
    } else {
        context_.terminal.line(target + ": accepted as command " + std::to_string(accepted->id.value)
            + (accepted->repeated ? " before, with the same key" : ""));
    }
    results_[ExitCode::done].push_back(target);
    count(ExitCode::done);
}

void Run::ended(std::string const& target, Report const& report)
{
    auto const code = exit_code(report.state);
    if (context_.options.json) {
        context_.terminal.line(json::serialize(to_json(report)));
    } else if (code == ExitCode::timed_out) {
        context_.terminal.line(target + ": still " + std::string(name(report.state)) + ", command "
            + std::to_string(report.id.value) + " goes on");
    } else {
        context_.terminal.line(target + ": " + outcome(report));
        if (report.error)
            context_.advise(report.error->code, target);
    }
    results_[code].push_back(target);
    count(code);
}

void Run::refused(std::string const& target, Error const& error)
{
    auto const code = context_.failed(target, error);
    results_[code].push_back(target);
    count(code);
}

void Run::count(ExitCode code)
{
    code_ = worse(code_, code);
    ++finished_;
    show_progress({});
}

void Run::show_progress(std::string_view latest)
{
    if (finished_ == targets_.size())
        return context_.terminal.progress({});
    context_.terminal.progress(
        "[" + std::to_string(finished_) + "/" + std::to_string(targets_.size()) + "] " + std::string(latest));
}

// The summary of several: how many ended how, and which did not end well.
ExitCode Run::finish()
{
    context_.terminal.progress({});
    if (targets_.size() > 1 && !context_.options.json) {
        std::string text = std::to_string(targets_.size())
            + " targets: " + std::to_string(results_[ExitCode::done].size())
            + (context_.options.wait ? " done" : " accepted");
        for (auto const& [code, word] : {std::pair(ExitCode::failed, "failed"),
                 std::pair(ExitCode::usage, "not valid"), std::pair(ExitCode::indeterminate, "indeterminate"),
                 std::pair(ExitCode::timed_out, "still open")})
            if (auto const& names = results_[code]; !names.empty())
                text += ", " + std::to_string(names.size()) + " " + word + " (" + fold_hosts(names) + ")";
        context_.terminal.note(text);
    }
    if (code_ == ExitCode::timed_out && !context_.options.json)
        context_.terminal.note("hint: 'pduclient queue' shows what is open, 'pduclient show ID' one command");
    return code_;
}

} // namespace

asio::awaitable<ExitCode> switch_targets(Context& context, Action action)
{
    auto targets = targets_of(context.arguments());
    if (!targets) {
        context.complain(targets.error().detail);
        co_return ExitCode::usage;
    }
    Run run(context, action, std::move(*targets));
    TaskGroup workers(context.timers);
    for (std::size_t i = 0; i < std::min(run.size(), context.options.parallel); ++i)
        workers.spawn(run.worker());
    // Each worker ends by itself at its own time.
    bool const drained = co_await workers.drain(Clock::now() + std::chrono::hours(24 * 365));
    if (!drained) {
        workers.cancel();
        co_await shielded(workers.drain(Clock::now() + std::chrono::seconds(5)));
        co_return ExitCode::interrupted;
    }
    co_return run.finish();
}

} // namespace switchyard::client
