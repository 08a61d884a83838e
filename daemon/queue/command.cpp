#include "daemon/queue/command.hpp"

#include "core/wire/northbound_json.hpp"
#include "daemon/queue/device.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace switchyard {
namespace {

constexpr std::array phase_names{"act", "off", "wait", "on"};

std::string_view name(Phase phase)
{
    return phase_names[static_cast<std::size_t>(phase)];
}

std::optional<Phase> phase_from(std::string_view text)
{
    for (std::size_t i = 0; i < phase_names.size(); ++i)
        if (phase_names[i] == text)
            return static_cast<Phase>(i);
    return std::nullopt;
}

OutletRef outlet_from(std::string_view text)
{
    auto const colon = text.find(':');
    if (colon == std::string_view::npos)
        return {std::string(text), std::string()};
    return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

json::object outcome_json(StepOutcome const& outcome)
{
    json::object object{
        {"state", name(outcome.state)}, {"power", name(outcome.power)}, {"confirmed", outcome.confirmed}};
    if (!outcome.changed)
        object["changed"] = false;
    if (outcome.error)
        object["error"] = to_json(*outcome.error);
    return object;
}

std::optional<StepOutcome> outcome_from(json::value const& value)
{
    auto const* const object = value.if_object();
    if (object == nullptr || !object->contains("state") || !object->contains("power"))
        return std::nullopt;
    StepOutcome outcome;
    outcome.state = command_state_from(object->at("state").as_string()).value_or(CommandState::failed);
    outcome.power = power_state_from(object->at("power").as_string()).value_or(PowerState::unknown);
    outcome.confirmed = object->at("confirmed").as_bool();
    outcome.changed = !object->contains("changed");
    if (auto const* const error = object->if_contains("error"))
        if (auto parsed = error_from_json(*error))
            outcome.error = std::move(*parsed);
    return outcome;
}

std::int64_t micros(UtcTime time)
{
    return time.time_since_epoch().count();
}

json::object step_json(Step const& step)
{
    json::object object;
    if (step.driver_known)
        object["driver"] = step.driver;
    if (auto const attempts = step.attempts + step.fsm.attempts(); attempts > 0)
        object["attempts"] = attempts;
    if (step.cut)
        object["cut"] = true;
    if (step.outcome)
        object["outcome"] = outcome_json(*step.outcome);
    else if (step.fsm.sent())
        object["sent"] = true;
    return object;
}

// A step that was sent carries that into its machine by resume(), when its device is known.
void read_step(json::object const& object, Step& step)
{
    if (auto const* const driver = object.if_contains("driver")) {
        step.driver = static_cast<std::uint8_t>(driver->to_number<int>());
        step.driver_known = true;
    }
    if (auto const* const attempts = object.if_contains("attempts"))
        step.attempts = attempts->to_number<unsigned>();
    step.cut = object.contains("cut");
    if (auto const* const outcome = object.if_contains("outcome"))
        step.outcome = outcome_from(*outcome);
    if (object.contains("sent"))
        step.fsm.about_to_send();
}

void read_progress(json::object const& object, Command& command)
{
    command.phase = phase_from(object.at("phase").as_string()).value_or(Phase::act);
    command.intended = true;
    if (auto const* const at = object.if_contains("started"))
        command.started = UtcTime{std::chrono::microseconds{at->to_number<std::int64_t>()}};
    if (auto const* const at = object.if_contains("wait_until"))
        command.wait_until = UtcTime{std::chrono::microseconds{at->to_number<std::int64_t>()}};
    if (auto const* const mode = object.if_contains("cancelled"))
        command.cancelled = mode->as_string() == "leave_off" ? CancelMode::leave_off : CancelMode::restore;
    if (auto const* const verdict = object.if_contains("verdict"))
        if (auto error = error_from_json(*verdict))
            command.verdict = std::move(*error);
    if (auto const* const state = object.if_contains("verdict_state"))
        command.verdict_state = command_state_from(state->as_string()).value_or(CommandState::failed);
    auto const& steps = object.at("steps").as_array();
    for (std::size_t i = 0; i < std::min(steps.size(), command.steps.size()); ++i)
        read_step(steps[i].as_object(), command.steps[i]);
}

} // namespace

bool Command::owes_power() const noexcept
{
    return std::ranges::any_of(steps, &Step::cut);
}

std::string stored_request(Command const& command)
{
    json::array outlets;
    outlets.reserve(command.steps.size());
    for (auto const& step : command.steps)
        outlets.emplace_back(step.outlet.text());
    json::object object{{"request", to_json(command.request)}, {"outlets", std::move(outlets)}};
    if (command.native)
        object["native"] = true;
    return json::serialize(object);
}

std::string stored_progress(Command const& command)
{
    json::array steps;
    steps.reserve(command.steps.size());
    for (auto const& step : command.steps)
        steps.emplace_back(step_json(step));
    json::object object{{"phase", name(command.phase)}, {"steps", std::move(steps)}};
    if (command.started)
        object["started"] = micros(*command.started);
    if (command.wait_until)
        object["wait_until"] = micros(*command.wait_until);
    if (command.cancelled)
        object["cancelled"] = *command.cancelled == CancelMode::leave_off ? "leave_off" : "restore";
    if (command.verdict) {
        object["verdict"] = to_json(*command.verdict);
        object["verdict_state"] = name(command.verdict_state);
    }
    return json::serialize(object);
}

StoredCommand stored_command(Command const& command)
{
    StoredCommand row;
    row.id = command.id;
    row.state = command.state;
    row.principal = command.principal;
    row.key = command.request.key.value_or("");
    row.target = command.request.target;
    row.devices = "|";
    for (auto const& step : command.steps)
        row.devices += step.outlet.device + "|";
    row.accepted = command.accepted;
    row.due = command.due;
    row.deadline = command.deadline;
    row.request = stored_request(command);
    return row;
}

Result<std::unique_ptr<Command>> command_from(StoredCommand const& row)
{
    try {
        auto const value = json::parse(row.request);
        auto const& object = value.as_object();
        auto request = request_from_json(object.at("request"));
        if (!request)
            return std::unexpected(std::move(request.error()));
        if (!row.key.empty())
            request->key = row.key;
        auto command = std::make_unique<Command>(row.id, row.principal, std::move(*request));
        auto const& outlets = object.at("outlets").as_array();
        command->steps = std::vector<Step>(outlets.size());
        for (std::size_t i = 0; i < outlets.size(); ++i)
            command->steps[i].outlet = outlet_from(outlets[i].as_string());
        command->native = object.contains("native");
        command->accepted = row.accepted;
        command->due = row.due;
        command->deadline = row.deadline;
        command->state = row.state;
        if (!row.progress.empty())
            read_progress(json::parse(row.progress).as_object(), *command);
        return command;
    } catch (std::exception const& error) {
        return fail(
            Errc::internal, "command " + std::to_string(row.id.value) + " cannot be read: " + error.what());
    }
}

namespace {

OutletReport outlet_report(Step const& step)
{
    OutletReport report;
    report.device = step.outlet.device;
    report.outlet = step.outlet.outlet;
    report.attempts = step.attempts + step.fsm.attempts();
    if (step.driver_known && step.device != nullptr)
        report.driver = step.device->driver_name(step.driver);
    if (step.outcome) {
        report.power = step.outcome->power;
        report.confirmed = step.outcome->confirmed;
        report.error = step.outcome->error;
    } else if (step.fsm.last_error()) {
        report.error = step.fsm.last_error();
    }
    if (step.cut && report.power == PowerState::unknown)
        report.power = PowerState::off;
    return report;
}

PowerState whole(std::vector<OutletReport> const& outlets)
{
    if (outlets.empty())
        return PowerState::unknown;
    PowerState const first = outlets.front().power;
    bool const alike =
        std::ranges::all_of(outlets, [&](auto const& outlet) { return outlet.power == first; });
    if (alike)
        return first;
    bool const any_unknown =
        std::ranges::any_of(outlets, [](auto const& outlet) { return outlet.power == PowerState::unknown; });
    return any_unknown ? PowerState::unknown : PowerState::partial;
}

} // namespace

Report report_of(Command const& command)
{
    Report report;
    report.id = command.id;
    report.state = command.state;
    report.request = command.request;
    report.principal = command.principal;
    report.accepted = command.accepted;
    report.due = command.due;
    report.deadline = command.deadline;
    report.started = command.started;
    report.replaced_by = command.replaced_by;
    report.result = command.result;
    report.outlets.reserve(command.steps.size());
    report.changed = false;
    report.confirmed = true;
    for (auto const& step : command.steps) {
        report.outlets.push_back(outlet_report(step));
        report.changed = report.changed || !step.outcome || step.outcome->changed;
        report.confirmed = report.confirmed && report.outlets.back().confirmed;
    }
    report.power = whole(report.outlets);
    report.error = command.verdict;
    for (auto const& outlet : report.outlets) {
        if (!outlet.error || (report.error && !report.error_device.empty()))
            continue;
        if (!report.error)
            report.error = outlet.error;
        if (report.error == outlet.error)
            report.error_device = outlet.device;
    }
    return report;
}

Result<Report> report_from(StoredCommand const& row)
{
    auto value = parse_json(row.outcome);
    if (!value)
        return std::unexpected(std::move(value.error()));
    return report_from_json(*value);
}

} // namespace switchyard
