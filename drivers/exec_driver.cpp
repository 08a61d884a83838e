#include "core/base/text.hpp"
#include "core/net/subprocess.hpp"
#include "core/wire/northbound_json.hpp"
#include "drivers/driver.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

// Any program as a driver: docs/drivers/exec.md has the contract.
namespace switchyard {
namespace {

constexpr std::array keys{
    KeySpec{.name = "program",
        .doc = "Path of the program, or a name that is searched in PATH.",
        .required = true},
    KeySpec{.name = "args",
        .type = KeyType::text_list,
        .doc = "Arguments; {action}, {outlet}, {device} and {operation} are replaced when they are a whole "
               "argument."
               " Absent: {action} {outlet}."},
    KeySpec{.name = "outlets",
        .type = KeyType::text_list,
        .doc = "Names of the outlets; without it the device is one system with the empty outlet."},
    KeySpec{.name = "actions",
        .type = KeyType::text_list,
        .doc = "What the program can do, of on, off, cycle, reset, soft, diag. Absent: on and off."},
    KeySpec{.name = "operations",
        .type = KeyType::text_list,
        .doc = "Operations beyond power that the program knows."},
    KeySpec{.name = "reads",
        .type = KeyType::boolean,
        .fallback = "true",
        .doc = "Whether the program knows the action status."},
    KeySpec{.name = "absolute",
        .type = KeyType::boolean,
        .fallback = "true",
        .doc = "False: its on and off toggle, so they are never sent twice."},
    KeySpec{.name = "params",
        .type = KeyType::text_map,
        .doc = "Texts that the program gets as SWITCHYARD_PARAM_NAME."},
    KeySpec{.name = "secret",
        .type = KeyType::secret,
        .doc = "What the program may read from descriptor SWITCHYARD_SECRET_FD, at most 4096 bytes."},
    KeySpec{.name = "grace",
        .type = KeyType::duration,
        .fallback = "2s",
        .doc = "Time between SIGTERM and SIGKILL when the program must end."},
};

struct Verdict {
    int status;
    Errc code;
    Effect effect;
};
constexpr std::array verdicts{
    Verdict{10, Errc::refused, Effect::none},
    Verdict{11, Errc::auth_failed, Effect::none},
    Verdict{12, Errc::unreachable, Effect::none},
    Verdict{13, Errc::unsupported_action, Effect::none},
    Verdict{14, Errc::timed_out, Effect::none},
    Verdict{15, Errc::protocol, Effect::none},
    Verdict{20, Errc::timed_out, Effect::possible},
};

std::string_view trimmed(std::string_view text)
{
    auto const blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    return text;
}

// The last line that says something, short enough for an error.
std::string last_line(std::string_view text)
{
    text = trimmed(text);
    auto const begin = text.rfind('\n');
    return std::string(trimmed(begin == std::string_view::npos ? text : text.substr(begin)).substr(0, 300));
}

// The line of JSON that a program may write.
struct Answer {
    std::optional<PowerState> state;
    std::optional<Effect> effect;
    std::string detail;
    json::value result;
};

std::string text_field(json::object const& object, std::string_view key)
{
    auto const* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<Answer> parse_answer(std::string_view output)
{
    Answer answer;
    output = trimmed(output);
    if (output.empty())
        return answer;
    if (output.find('\n') != std::string_view::npos)
        return fail(Errc::protocol, "it wrote more than one line to its output");
    auto const value = parse_json(output);
    if (!value || !value->is_object())
        return fail(Errc::protocol, "its output is not a JSON object: " + last_line(output));
    auto const& object = value->get_object();
    if (object.contains("state")) {
        answer.state = power_state_from(text_field(object, "state"));
        if (!answer.state || *answer.state == PowerState::partial)
            return fail(Errc::protocol, "the state in its output is none of on, off and unknown");
    }
    if (auto const effect = text_field(object, "effect"); !effect.empty())
        answer.effect = effect == "none" ? Effect::none : Effect::possible;
    answer.detail = text_field(object, "detail");
    if (auto const* const result = object.if_contains("result"))
        answer.result = *result;
    return answer;
}

// What a program's end says. `worst` is the effect that a failure has when the program did not say better.
Result<Answer> judge(ProgramEnd const& end, std::string const& program, Effect worst)
{
    auto const text = [&](std::string_view why) {
        return fmt::format("{} {}{}{}", program, end.how(), why.empty() ? "" : ": ", why);
    };
    if (end.stopped())
        return fail(end.timed_out ? Errc::timed_out : Errc::cancelled, text(last_line(end.err)), worst);
    auto answer = parse_answer(end.out);
    if (end.status == 0) {
        if (!answer)
            return fail(answer.error().code, text(answer.error().detail), worst);
        return answer;
    }
    auto const detail = answer && !answer->detail.empty() ? answer->detail : last_line(end.err);
    auto const verdict = std::ranges::find(verdicts, end.status, &Verdict::status);
    auto const code = verdict != verdicts.end() ? verdict->code : Errc::protocol;
    auto effect = verdict != verdicts.end() ? verdict->effect : Effect::possible;
    if (answer && answer->effect)
        effect = *answer->effect;
    return fail(code, text(detail), worst == Effect::none ? Effect::none : effect);
}

ActionSet actions_of(DriverConfig const& config)
{
    if (!config.has("actions"))
        return config.list("operations").empty() ? ActionSet{Action::on, Action::off}
                                                 : ActionSet{Action::on, Action::off, Action::invoke};
    ActionSet result;
    for (auto const& word : config.list("actions"))
        if (auto const action = action_from(word))
            result.insert(*action);
    if (!config.list("operations").empty())
        result.insert(Action::invoke);
    return result;
}

Capabilities capabilities_of(DriverConfig const& config)
{
    Capabilities result;
    result.actions = actions_of(config);
    result.read = config.boolean("reads");
    result.absolute = config.boolean("absolute");
    result.atomic_cycle = result.actions.contains(Action::cycle);
    return result;
}

// One call of the program.
struct Call {
    std::string action; // as the contract names it
    std::string outlet;
    std::string operation;
    std::string input;
    Effect worst = Effect::none;
};

class ExecDriver final : public Driver {
public:
    ExecDriver(Toolbox& toolbox, DriverConfig const& config)
        : timers_(toolbox.timers), log_(toolbox.log), config_(config), capabilities_(capabilities_of(config))
    {
    }

    Capabilities capabilities() const noexcept override { return capabilities_; }

    asio::awaitable<Result<PowerState>> read(Attempt& attempt, std::string const& outlet) override
    {
        if (!capabilities_.read)
            co_return fail(Errc::unsupported_action, "this program cannot read the state: reads = false");
        Call call;
        call.action = "status";
        call.outlet = outlet;
        auto const answer = co_await run(attempt, std::move(call));
        if (!answer)
            co_return std::unexpected(answer.error());
        if (!answer->state)
            co_return fail(Errc::protocol, config_.text("program") + " told no state");
        co_return *answer->state;
    }

    asio::awaitable<Result<>> write(Attempt& attempt, std::string const& outlet, Action action) override
    {
        if (!capabilities_.actions.contains(action) || action == Action::invoke)
            co_return fail(
                Errc::unsupported_action, fmt::format("this program has no action {}", name(action)));
        Call call;
        call.action = name(action);
        call.outlet = outlet;
        call.worst = Effect::possible;
        auto const answer = co_await run(attempt, std::move(call));
        if (!answer)
            co_return std::unexpected(answer.error());
        co_return Result<>{};
    }

    asio::awaitable<Result<json::value>> invoke(
        Attempt& attempt, std::string const& outlet, Operation const& operation) override
    {
        auto const known = config_.list("operations");
        if (std::ranges::find(known, operation.name) == known.end())
            co_return fail(Errc::unsupported_action,
                fmt::format(
                    "no operation '{}'; this program has {}", operation.name, fmt::join(known, ", ")));
        Call call;
        call.action = "invoke";
        call.outlet = outlet;
        call.operation = operation.name;
        json::object const input{{"operation", operation.name}, {"params", operation.params}};
        call.input = json::serialize(input) + "\n";
        call.worst = Effect::possible;
        auto const answer = co_await run(attempt, std::move(call));
        if (!answer)
            co_return std::unexpected(answer.error());
        co_return answer->result;
    }

private:
    // Builds the program completely before the intent, so that nothing but starting it can fail afterwards.
    asio::awaitable<Result<Answer>> run(Attempt& attempt, Call call)
    {
        auto secret = config_.secret("secret").resolve();
        auto again = config_.secret("secret").resolve(); // the one goes to the program, the other hides it in
                                                         // texts
        if (!secret || !again)
            co_return std::unexpected(!secret ? secret.error() : again.error());
        Program program = describe(call, attempt.deadline());
        program.secret = std::move(*secret);
        if (!program.secret.empty())
            program.environment.emplace_back("SWITCHYARD_SECRET_FD", std::to_string(secret_fd));
        if (call.worst == Effect::possible) {
            auto const intent = co_await attempt.about_to_send();
            if (!intent)
                co_return std::unexpected(intent.error());
        }
        auto end = co_await run_program(timers_, std::move(program), attempt.deadline());
        if (!end)
            co_return std::unexpected(end.error());
        end->err = redact(std::move(end->err), *again);
        end->out = redact(std::move(end->out), *again);
        if (!trimmed(end->err).empty())
            log_.debug("the program wrote to its standard error",
                {kv("device", config_.device()), kv("text", trimmed(end->err).substr(0, 4096))});
        co_return judge(*end, config_.text("program"), call.worst);
    }

    Program describe(Call const& call, Clock::time_point deadline) const
    {
        std::vector<std::string> argv{config_.text("program")};
        auto const args =
            config_.has("args") ? config_.list("args") : std::vector<std::string>{"{action}", "{outlet}"};
        for (auto const& argument : args)
            argv.push_back(argument == "{action}" ? call.action
                    : argument == "{outlet}"      ? call.outlet
                    : argument == "{device}"      ? config_.device()
                    : argument == "{operation}"   ? call.operation
                                                  : argument);
        Program program(std::move(argv));
        program.input = call.input;
        program.grace = config_.duration("grace");
        auto const left = std::chrono::duration<double>(deadline - Clock::now()).count();
        program.environment = {{"SWITCHYARD_CONTRACT", "1"}, {"SWITCHYARD_ACTION", call.action},
            {"SWITCHYARD_OUTLET", call.outlet}, {"SWITCHYARD_DEVICE", config_.device()},
            {"SWITCHYARD_DEADLINE", fmt::format("{:.3f}", std::max(0.0, left))}};
        if (!call.operation.empty())
            program.environment.emplace_back("SWITCHYARD_OPERATION", call.operation);
        for (auto const& [key, value] : config_.map("params"))
            program.environment.emplace_back("SWITCHYARD_PARAM_" + upper(key), value);
        return program;
    }

    static std::string upper(std::string text)
    {
        for (auto& c : text)
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return text;
    }

    Timers& timers_;
    Log& log_;
    DriverConfig config_;
    Capabilities capabilities_;
};

bool is_word(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    });
}

Result<std::unique_ptr<Driver>> make(Toolbox& toolbox, DriverConfig const& config)
{
    if (config.text("program").empty())
        return fail(Errc::bad_request, "program must name a program");
    for (auto const& word : config.list("actions"))
        if (auto const action = action_from(word); !action || *action == Action::invoke)
            return fail(Errc::bad_request,
                fmt::format("actions: '{}' is none of on, off, cycle, reset, soft, diag", word));
    static constexpr std::array<std::string_view, 4> placeholders{
        "{action}", "{outlet}", "{device}", "{operation}"};
    for (auto const& argument : config.list("args"))
        if (argument.starts_with('{') && argument.ends_with('}')
            && is_word(argument.substr(1, argument.size() - 2))
            && std::ranges::find(placeholders, argument) == placeholders.end())
            return fail(Errc::bad_request,
                fmt::format("args: '{}' is none of {}", argument, fmt::join(placeholders, ", ")));
    for (auto const& [key, value] : config.map("params"))
        if (!is_word(key))
            return fail(
                Errc::bad_request, fmt::format("params: '{}' is not a word of letters, digits and _", key));
    return std::make_unique<ExecDriver>(toolbox, config);
}

Result<std::string> canonical_outlet(DriverConfig const& config, std::string_view outlet)
{
    auto const outlets = config.list("outlets");
    if (outlets.empty())
        return only_the_empty_outlet(config, outlet);
    for (auto const& known : outlets)
        if (known == outlet)
            return known;
    auto const number = parse_integer(outlet);
    for (auto const& known : outlets)
        if (number && number == parse_integer(known))
            return known;
    return fail(Errc::unknown_target,
        fmt::format(
            "device {} has no outlet '{}'; it has {}", config.device(), outlet, fmt::join(outlets, ", ")));
}

std::string endpoint(DriverConfig const& config)
{
    return fmt::format("exec|{}|{}", config.text("program"), config.device());
}

} // namespace

extern DriverSpec const exec_driver;
DriverSpec const exec_driver{.name = "exec",
    .summary = "Any program in any language, by a documented contract.",
    .keys = keys,
    .make = make,
    .canonical_outlet = canonical_outlet,
    .endpoint = endpoint,
    .capabilities = capabilities_of};

} // namespace switchyard
