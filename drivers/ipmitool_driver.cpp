#include "core/base/text.hpp"
#include "core/net/subprocess.hpp"
#include "drivers/driver.hpp"
#include "drivers/ipmitool_output.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

// IPMI by the program ipmitool: docs/drivers/ipmitool.md.
namespace switchyard {
namespace {

constexpr std::array keys{
    KeySpec{.name = "address", .doc = "Name or address of the BMC.", .required = true},
    KeySpec{.name = "port",
        .type = KeyType::integer,
        .fallback = "623",
        .doc = "UDP port, 1 to 65535.",
        .min = 1,
        .max = 65535},
    KeySpec{.name = "user", .doc = "User name, at most 16 bytes."},
    KeySpec{.name = "password", .type = KeyType::secret, .doc = "At most 20 bytes (interface lan: 16)."},
    KeySpec{.name = "kg", .type = KeyType::secret, .doc = "The BMC's Kg key as text, at most 20 bytes."},
    KeySpec{.name = "interface",
        .fallback = "lanplus",
        .doc = "IPMI 2.0 (lanplus) or 1.5 (lan).",
        .allowed = "lanplus|lan"},
    KeySpec{.name = "cipher",
        .fallback = "auto",
        .doc = "Cipher suite of lanplus; auto tries 17, then 3.",
        .allowed = "auto|0|1|2|3|6|7|8|15|16|17"},
    KeySpec{.name = "privilege",
        .fallback = "administrator",
        .doc = "Privilege level of the session.",
        .allowed = "administrator|operator|user|callback"},
    KeySpec{.name = "timeout",
        .type = KeyType::duration,
        .fallback = "1s",
        .doc = "Wait for the first answer, whole seconds from 1s to 30s; each resend waits a second longer."},
    KeySpec{.name = "retries",
        .type = KeyType::integer,
        .fallback = "2",
        .doc = "How often a datagram is sent at most, 1 to 10.",
        .min = 1,
        .max = 10},
    KeySpec{.name = "target_address",
        .doc = "Bridging: the IPMB address of the controller behind the BMC, as 0x82."},
    KeySpec{.name = "target_channel",
        .type = KeyType::integer,
        .doc = "Bridging: its channel, 0 to 15.",
        .min = 0,
        .max = 15},
    KeySpec{.name = "transit_address", .doc = "Double bridging: the address of the transit controller."},
    KeySpec{.name = "transit_channel",
        .type = KeyType::integer,
        .doc = "Double bridging: its channel, 0 to 15.",
        .min = 0,
        .max = 15},
    KeySpec{.name = "options",
        .type = KeyType::text_list,
        .doc = "Further options of ipmitool, none of those that have a key here."},
    KeySpec{.name = "program",
        .fallback = "ipmitool",
        .doc = "Path of ipmitool, or a name that is searched in PATH."},
    KeySpec{.name = "home", .doc = "Directory that HOME names for ipmitool; absent: a private one is made."},
};

constexpr ActionSet actions{
    Action::on, Action::off, Action::cycle, Action::reset, Action::soft, Action::diag, Action::invoke};

Capabilities capabilities_of(DriverConfig const&)
{
    Capabilities result;
    result.actions = actions;
    result.read = true;
    result.absolute = true;
    result.atomic_cycle = true;
    return result;
}

// A directory of ours that nobody else can write to; false when there is none.
bool own_directory(std::string const& path)
{
    struct stat info{};
    ::mkdir(path.c_str(), 0700);
    return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid()
        && (info.st_mode & 022U) == 0;
}

// The registry's first entry; ipmitool gives up on a file without any.
constexpr std::string_view enterprise_file =
    "0\n  Reserved\n    Internet Assigned Numbers Authority\n      iana&iana.org\n";

// A home with a short enterprise file, which spares ipmitool 4.5 MB of reading at each start; empty when it
// cannot be made.
std::string quiet_home()
{
    auto const variable = [](char const* name_) {
        auto const* const value = std::getenv(name_);
        return std::string(value != nullptr ? value : "");
    };
    auto home = fmt::format("/tmp/switchyard-ipmitool-{}", ::geteuid());
    if (auto const runtime = variable("RUNTIME_DIRECTORY"); !runtime.empty())
        home = runtime.substr(0, runtime.find(':')) + "/ipmitool";
    else if (auto const user = variable("XDG_RUNTIME_DIR"); !user.empty())
        home = user + "/switchyard-ipmitool";
    auto path = home;
    for (auto const* const part : {"", "/.local", "/usr", "/share", "/misc"})
        if (!own_directory(path += part))
            return {};
    auto const file = path + "/enterprise-numbers.txt";
    struct stat info{};
    if (::lstat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
        return home;
    auto const fresh = fmt::format("{}.{}", file, ::getpid()); // renamed, so that nobody reads half of it
    int const out = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        return {};
    auto const written = ::write(out, enterprise_file.data(), enterprise_file.size());
    ::close(out);
    if (written != std::ssize(enterprise_file) || ::rename(fresh.c_str(), file.c_str()) != 0)
        return {};
    return home;
}

// What one run of ipmitool does.
struct Job {
    std::vector<std::string> words; // the command: {"chassis", "power", "on"}
    Effect worst = Effect::none;    // possible: it acts, so the intent is journaled before
    bool once = false;              // its datagrams must not be repeated
};

Result<Job> job_of(Operation const& operation)
{
    auto const flag = [&](std::string_view key) {
        auto const* const value = operation.params.if_contains(key);
        return value != nullptr && value->is_bool() && value->get_bool();
    };
    Job job;
    job.worst = Effect::possible;
    if (operation.name == "identify") {
        auto const* const value = operation.params.if_contains("seconds");
        auto const seconds = value == nullptr ? 15 : value->is_int64() ? value->get_int64() : -1;
        if (seconds < 0 || seconds > 255)
            return fail(Errc::bad_request, "identify: seconds must be a whole number from 0 to 255");
        job.words = {"chassis", "identify", flag("force") ? "force" : std::to_string(seconds)};
    } else if (operation.name == "bootdev") {
        static constexpr std::array<std::string_view, 8> devices{
            "none", "pxe", "disk", "safe", "diag", "cdrom", "bios", "floppy"};
        auto const* const value = operation.params.if_contains("device");
        auto const device =
            value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
        if (std::ranges::find(devices, device) == devices.end())
            return fail(Errc::bad_request,
                fmt::format("bootdev: device must be one of {}", fmt::join(devices, ", ")));
        job.words = {"chassis", "bootdev", device};
        if (flag("persistent") || flag("efi"))
            job.words.push_back(fmt::format("options={}{}{}", flag("persistent") ? "persistent" : "",
                flag("persistent") && flag("efi") ? "," : "", flag("efi") ? "efiboot" : ""));
    } else if (operation.name == "guid") {
        job.words = {"mc", "guid"};
    } else if (operation.name == "info") {
        job.words = {"mc", "info"};
    } else if (operation.name == "sel") {
        job.words = {"sel", "list"};
    } else {
        return fail(Errc::unsupported_action,
            fmt::format(
                "no operation '{}'; ipmitool has identify, bootdev, guid, info, sel", operation.name));
    }
    return job;
}

class IpmitoolDriver final : public Driver {
public:
    IpmitoolDriver(Toolbox& toolbox, DriverConfig const& config)
        : timers_(toolbox.timers), log_(toolbox.log), config_(config), home_(config.text("home"))
    {
        if (config_.text("interface") == "lanplus")
            suite_ = config_.text("cipher") == "auto" ? "17" : config_.text("cipher");
    }

    Capabilities capabilities() const noexcept override { return capabilities_of(config_); }

    asio::awaitable<Result<PowerState>> read(Attempt& attempt, std::string const&) override
    {
        Job job;
        job.words = {"chassis", "power", "status"};
        auto const output = co_await run(attempt, std::move(job));
        if (!output)
            co_return std::unexpected(output.error());
        auto const state = power_from_ipmitool(*output);
        if (!state)
            co_return fail(Errc::protocol, "ipmitool told no power state: " + output->substr(0, 100));
        co_return *state;
    }

    asio::awaitable<Result<>> write(Attempt& attempt, std::string const&, Action action) override
    {
        if (action == Action::invoke)
            co_return fail(Errc::unsupported_action, "invoke is not a power action");
        Job job;
        job.words = {"chassis", "power", std::string(name(action))};
        job.worst = Effect::possible;
        job.once = action != Action::on && action != Action::off;
        auto const output = co_await run(attempt, std::move(job));
        if (!output)
            co_return std::unexpected(output.error());
        if (output->find("Chassis Power Control:") == std::string::npos)
            co_return fail(
                Errc::protocol, "ipmitool confirmed nothing: " + output->substr(0, 100), Effect::possible);
        co_return Result<>{};
    }

    asio::awaitable<Result<json::value>> invoke(
        Attempt& attempt, std::string const&, Operation const& operation) override
    {
        auto job = job_of(operation);
        if (!job)
            co_return std::unexpected(job.error());
        auto const output = co_await run(attempt, std::move(*job));
        if (!output)
            co_return std::unexpected(output.error());
        if (operation.name == "identify" || operation.name == "bootdev")
            co_return json::value();
        auto blocks = blocks_from_ipmitool(*output);
        if (operation.name == "sel")
            co_return json::value(std::move(blocks));
        if (blocks.empty())
            co_return fail(Errc::protocol, "ipmitool gave no answer to " + operation.name);
        co_return std::move(blocks.front());
    }

private:
    struct Credentials {
        Secret password;
        Secret kg;
    };

    Result<Credentials> credentials() const
    {
        Credentials result;
        auto password = config_.secret("password").resolve();
        if (!password)
            return std::unexpected(password.error());
        auto kg = config_.secret("kg").resolve();
        if (!kg)
            return std::unexpected(kg.error());
        std::size_t const limit = config_.text("interface") == "lan" ? 16 : 20;
        if (password->reveal().size() > limit)
            return fail(Errc::auth_failed,
                fmt::format("the password is longer than the {} bytes that IPMI allows", limit));
        result.password = std::move(*password);
        result.kg = std::move(*kg);
        return result;
    }

    // Gives ipmitool's standard output. Everything but starting it comes before the intent.
    asio::awaitable<Result<std::string>> run(Attempt& attempt, Job job)
    {
        auto const known = credentials();
        if (!known)
            co_return std::unexpected(known.error());
        if (home_.empty())
            home_ = quiet_home();
        if (job.worst == Effect::possible) {
            auto const intent = co_await attempt.about_to_send();
            if (!intent)
                co_return std::unexpected(intent.error());
        }
        for (;;) {
            Program program = describe(job, *known);
            auto end = co_await run_program(timers_, std::move(program), attempt.deadline());
            if (!end)
                co_return std::unexpected(end.error());
            end->err = redact(redact(std::move(end->err), known->password), known->kg);
            log_.debug("ipmitool " + end->how(),
                {kv("device", config_.device()), kv("command", job.words.back()),
                    kv("text", std::string_view(end->err).substr(0, 4096))});
            if (end->status == 0) {
                tells_progress_ = tells_progress_ || reached_command(end->err);
                co_return std::move(end->out);
            }
            // Nothing was sent but a login that the BMC refused, so the same intent covers the next try.
            if (end->status > 0 && config_.text("cipher") == "auto" && suite_ == "17"
                && wants_other_suite(end->err)) {
                suite_ = "3";
                continue;
            }
            co_return std::unexpected(verdict(*end, job.worst));
        }
    }

    Error verdict(ProgramEnd const& end, Effect worst) const
    {
        if (end.status > 0)
            return ipmitool_error(end.err, worst);
        auto const logged_in = !tells_progress_ || reached_command(end.err);
        auto const code = end.timed_out ? Errc::timed_out : end.cancelled ? Errc::cancelled : Errc::protocol;
        return Error(code, "ipmitool " + end.how() + (logged_in ? "" : " before it had logged in"),
            logged_in ? worst : Effect::none);
    }

    Program describe(Job const& job, Credentials const& known) const
    {
        auto const first =
            std::chrono::duration_cast<std::chrono::seconds>(config_.duration("timeout")).count();
        auto const tries = config_.integer("retries");
        // The waits of n tries are t, t+1, ..., t+n-1 seconds. What is sent once waits as long in all.
        auto const whole = tries * first + tries * (tries - 1) / 2;
        std::vector<std::string> argv{config_.text("program"), "-v", "-I", config_.text("interface"), "-H",
            config_.text("address"), "-p", std::to_string(config_.integer("port")), "-U",
            config_.text("user"), "-L", privilege(), "-N", std::to_string(job.once ? whole : first), "-R",
            std::to_string(job.once ? 1 : tries)};
        auto const add = [&](std::initializer_list<std::string> words) { argv.insert(argv.end(), words); };
        if (known.password.empty())
            add({"-P", ""}); // or it would ask a terminal
        else
            add({"-f", fmt::format("/dev/fd/{}", secret_fd)});
        if (!suite_.empty())
            add({"-C", suite_});
        if (!known.kg.empty())
            add({"-K"});
        if (config_.has("target_address"))
            add({"-t", config_.text("target_address")});
        if (config_.has("target_channel"))
            add({"-b", std::to_string(config_.integer("target_channel"))});
        if (config_.has("transit_address"))
            add({"-T", config_.text("transit_address")});
        if (config_.has("transit_channel"))
            add({"-B", std::to_string(config_.integer("transit_channel"))});
        std::ranges::copy(config_.list("options"), std::back_inserter(argv));
        std::ranges::copy(job.words, std::back_inserter(argv));
        Program program(std::move(argv));
        program.secret = Secret(std::string(known.password.reveal()));
        if (!known.kg.empty())
            program.environment.emplace_back("IPMI_KGKEY", known.kg.reveal());
        if (!home_.empty())
            program.environment.emplace_back("HOME", home_);
        return program;
    }

    std::string privilege() const
    {
        auto level = config_.text("privilege");
        for (auto& c : level)
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return level;
    }

    Timers& timers_;
    Log& log_;
    DriverConfig config_;
    std::string home_;
    std::string suite_;           // of the next call; empty with IPMI 1.5
    bool tells_progress_ = false; // this ipmitool was seen to say when it is logged in
};

Result<std::unique_ptr<Driver>> make(Toolbox& toolbox, DriverConfig const& config)
{
    if (config.text("address").empty())
        return fail(Errc::bad_request, "address must name the BMC");
    if (config.text("user").size() > 16)
        return fail(Errc::bad_request, "user: IPMI allows 16 bytes");
    auto const timeout = config.duration("timeout");
    if (timeout % std::chrono::seconds(1) != std::chrono::seconds(0) || timeout < std::chrono::seconds(1)
        || timeout > std::chrono::seconds(30))
        return fail(Errc::bad_request, "timeout must be whole seconds from 1s to 30s");
    for (auto const& option : config.list("options"))
        if (option.size() >= 2 && option[0] == '-'
            && std::string_view("IHpUPfEaYkyKLNRCtbTBmvhV").find(option[1]) != std::string_view::npos)
            return fail(Errc::bad_request,
                fmt::format("options: {} is not allowed here; the driver sets it by a key of its own",
                    option.substr(0, 2)));
    return std::make_unique<IpmitoolDriver>(toolbox, config);
}

std::string endpoint(DriverConfig const& config)
{
    return fmt::format(
        "ipmitool|{}:{}|{}", config.text("address"), config.integer("port"), config.text("user"));
}

} // namespace

extern DriverSpec const ipmitool_driver;
DriverSpec const ipmitool_driver{.name = "ipmitool",
    .summary = "IPMI 2.0 and 1.5 by the program ipmitool.",
    .keys = keys,
    .make = make,
    .canonical_outlet = only_the_empty_outlet,
    .endpoint = endpoint,
    .capabilities = capabilities_of};

} // namespace switchyard
