#include "tests/unit/http/rig.hpp"

using namespace switchyard;
using namespace switchyard::test;
using Call = MemoryService::Call;

namespace {

std::string const srv1_on = R"({"target": "srv1", "action": "on"})";

std::string state_of(HttpResponse const& response)
{
    return parsed(response).at("state").as_string().c_str();
}

} // namespace

TEST_CASE("A command is accepted with its place and its report")
{
    HttpRig rig;
    rig.service.hold();
    auto const accepted = rig.post("/v1/commands", srv1_on);
    CHECK(accepted.status == 202);
    CHECK(header(accepted, "Location") == "/v1/commands/1");
    CHECK(state_of(accepted) == "queued");
    CHECK(parsed(accepted).at("id").to_number<int>() == 1);
    rig.service.finish(CommandId{1});
    auto const report = rig.get("/v1/commands/1");
    CHECK(report.status == 200);
    CHECK(state_of(report) == "done");
    CHECK(report.content_type == "application/json");
    CHECK(report.body.ends_with("}\n"));
}

TEST_CASE("A command that ends within the wait is a 200, failed or not")
{
    VirtualTime time;
    HttpRig rig;
    rig.loop.use(time);
    rig.service.set_duration(std::chrono::seconds(3));
    CHECK(rig.post("/v1/commands?wait=2", srv1_on).status == 202);
    auto const begin = Clock::now();
    CHECK(rig.post("/v1/commands?wait=1h", srv1_on).status == 200);
    CHECK(Clock::now() - begin == std::chrono::seconds(3));
    rig.service.end_with(CommandState::failed, Error(Errc::refused, "no"));
    auto const failed = rig.post("/v1/commands?wait=5", srv1_on);
    CHECK(failed.status == 200);
    CHECK(state_of(failed) == "failed");
    CHECK(parsed(failed).at("error").at("code").as_string() == "refused");
    rig.service.hold();
    auto const id = std::to_string(rig.service.last_id().value + 1);
    rig.post("/v1/commands", srv1_on);
    auto const still = rig.get("/v1/commands/" + id + "?wait=1.5");
    CHECK(still.status == 200);
    CHECK(state_of(still) == "queued");
}

TEST_CASE("A key makes a request repeatable")
{
    HttpRig rig;
    auto const keyed = [&rig](std::string const& key, std::string const& body) {
        std::vector<HttpField> headers;
        headers.emplace_back("Idempotency-Key", key);
        return rig.post("/v1/commands", body, std::move(headers));
    };
    CHECK(header(keyed("k1", srv1_on), "Idempotency-Replayed").empty());
    auto const again = keyed("k1", srv1_on);
    CHECK(again.status == 200);
    CHECK(header(again, "Idempotency-Replayed") == "true");
    CHECK(header(again, "Location") == "/v1/commands/1");
    CHECK(header(keyed("k1", R"({"target": "srv1", "action": "on", "key": "k1"})"), "Location")
        == "/v1/commands/1");
    CHECK(error_of(keyed("k1", R"({"target": "srv1", "action": "off"})"))
        == "422 key_conflict this idempotency key was used for another request: key 'k1' belongs to command "
           "1");
    CHECK(error_of(keyed("k2", R"({"target": "srv1", "action": "on", "key": "k1"})"))
        == "400 bad_request the request is not valid: header Idempotency-Key and field 'key' differ");
    for (auto const& bad : {std::string(), std::string(256, 'k'), std::string("\xc3\xa9")})
        CHECK(error_of(keyed(bad, srv1_on))
            == "400 bad_request the request is not valid: header Idempotency-Key must be 1 to "
               "255 printable ASCII characters");
}

TEST_CASE("A bad request is told what is wrong with it")
{
    HttpRig rig;
    auto const told = [&rig](std::string const& body) { return error_of(rig.post("/v1/commands", body)); };
    CHECK(told("").starts_with("400 bad_request the request is not valid: not JSON"));
    CHECK(told("[]").starts_with(
        "400 bad_request the request is not valid: the request must be a JSON object"));
    CHECK(told(R"({"target": "srv1", "action": "on", "retries": 1})").starts_with("400 bad_request"));
    CHECK(told(R"({"target": "nosuch", "action": "on"})")
        == "404 unknown_target no target or device has this name: 'nosuch'");
    CHECK(told(R"({"target": "srv1", "action": "status"})").starts_with("422 unsupported_action"));
    CHECK(error_of(rig.post("/v1/commands?wait=soon", srv1_on))
        == "400 bad_request the request is not valid: query parameter 'wait' must be a time from 0 to 1h "
           "such as '30', '1.5' or "
           "'500ms', not 'soon'");
    CHECK(error_of(rig.post("/v1/commands?wait=2h", srv1_on)).starts_with("400 bad_request"));
    CHECK(error_of(rig.post("/v1/commands?wiat=2", srv1_on))
        == "400 bad_request the request is not valid: query parameter 'wiat' is unknown - did you mean "
           "'wait'?; allowed are wait");
    CHECK(error_of(rig.post("/v1/commands?wait=1&wait=2", srv1_on))
        == "400 bad_request the request is not valid: query parameter 'wait' is given twice");
    CHECK(error_of(rig.get("/v1/targets/srv1?x=1"))
        == "400 bad_request the request is not valid: query parameter 'x' is unknown; none is allowed here");
    CHECK(error_of(rig.get("/v1/commands/%zz"))
        == "400 bad_request the request is not valid: '%' in the URL is not followed by two hexadecimal "
           "digits");
    CHECK(rig.service.submitted() == 1);
}

TEST_CASE("What a page of another site could send is refused")
{
    HttpRig rig;
    std::vector<HttpField> form;
    form.emplace_back("Content-Type", "text/plain");
    std::string const refused = "415 bad_request the request is not valid: the body must be JSON, with "
                                "Content-Type: application/json";
    CHECK(error_of(rig.ask("POST", "/v1/commands", srv1_on, form)) == refused);
    CHECK(error_of(rig.ask("POST", "/v1/commands", srv1_on)) == refused);
    CHECK(error_of(rig.ask("POST", "/v1/devices/bmc1/release", "", form)) == refused);
    CHECK(error_of(rig.ask("DELETE", "/v1/commands/1", "x")) == refused);
    std::vector<HttpField> foreign;
    foreign.emplace_back("Sec-Fetch-Site", "cross-site");
    CHECK(error_of(rig.post("/v1/commands", srv1_on, foreign))
        == "403 unauthorized this client may not do this: a page of another site asked for this");
    CHECK(rig.service.submitted() == 0);
    std::vector<HttpField> typed;
    typed.emplace_back("Content-Type", "Application/JSON ; charset=utf-8");
    CHECK(rig.ask("POST", "/v1/commands", srv1_on, typed).status == 200);
}

TEST_CASE("Every error of the service has its status")
{
    HttpRig rig;
    constexpr std::array<std::pair<Errc, unsigned>, errc_count> table{
        {{Errc::bad_request, 400}, {Errc::unknown_target, 404}, {Errc::unsupported_action, 422},
            {Errc::unauthorized, 403}, {Errc::auth_failed, 502}, {Errc::unreachable, 502},
            {Errc::timed_out, 504}, {Errc::protocol, 502}, {Errc::refused, 502}, {Errc::busy, 429},
            {Errc::cancelled, 409}, {Errc::expired, 409}, {Errc::superseded, 409}, {Errc::indeterminate, 409},
            {Errc::key_conflict, 422}, {Errc::commit_unknown, 500}, {Errc::store_unavailable, 503},
            {Errc::shutting_down, 503}, {Errc::not_found, 404}, {Errc::internal, 500}}};
    for (auto const& [code, status] : table) {
        rig.service.set_fault(Call::submit, Error(code, "why"));
        auto const response =
            rig.post("/v1/commands", R"({"target": "pdu1", "outlet": "1", "action": "on"})");
        CHECK(error_of(response)
            == std::to_string(status) + " " + std::string(name(code)) + " " + std::string(sentence(code))
                + ": why");
        CHECK(parsed(response).at("error").at("device").as_string() == "pdu1");
        CHECK(header(response, "Retry-After") == (status == 429 ? "1" : status == 503 ? "5" : ""));
        bool const advised = parsed(response).at("error").as_object().contains("advice");
        CHECK(advised == (code == Errc::commit_unknown));
    }
}

TEST_CASE("An error after acceptance names the command")
{
    HttpRig rig;
    rig.service.set_fault(Call::wait, Error(Errc::shutting_down, {}));
    auto const response = rig.post("/v1/commands?wait=1", srv1_on);
    CHECK(error_of(response) == "503 shutting_down the daemon is stopping");
    CHECK(parsed(response).at("error").at("command").to_number<int>() == 1);
    CHECK(header(response, "Location") == "/v1/commands/1");
}

TEST_CASE("A stop of the server tells who waits that the command goes on")
{
    HttpRig rig;
    rig.service.hold();
    auto client = rig.client();
    client.send("POST /v1/commands?wait=60 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
        + std::to_string(srv1_on.size()) + "\r\n\r\n" + srv1_on);
    rig.until([&] { return rig.service.submitted() == 1; });
    rig.loop.run(rig.frontend.stop(Clock::now()));
    auto const reply = client.reply();
    CHECK(reply.status() == 503);
    CHECK(
        reply.body.find("the daemon is stopping: the command is recorded and goes on") != std::string::npos);
    CHECK(reply.header("Location") == "/v1/commands/1");
}

TEST_CASE("A command is cancelled, and a cycle is left on or off")
{
    HttpRig rig;
    rig.service.set_duration(std::chrono::hours(1));
    std::string const cycle = R"({"target": "srv1", "action": "cycle"})";
    rig.post("/v1/commands", cycle);
    auto const restored = rig.ask("DELETE", "/v1/commands/1");
    CHECK(restored.status == 200);
    CHECK(state_of(restored) == "cancelled");
    CHECK(parsed(restored).at("power").as_string() == "on");
    rig.post("/v1/commands", cycle);
    CHECK(parsed(rig.ask("DELETE", "/v1/commands/2?leave_off=true")).at("power").as_string() == "off");
    CHECK(error_of(rig.ask("DELETE", "/v1/commands/2?leave_off=yes"))
        == "400 bad_request the request is not valid: query parameter 'leave_off' must be 'true' or 'false', "
           "not 'yes'");
    CHECK(
        error_of(rig.ask("DELETE", "/v1/commands/9")) == "404 not_found there is no such command: command 9");
}

TEST_CASE("A command that is not there is not found")
{
    HttpRig rig;
    CHECK(error_of(rig.get("/v1/commands/9")) == "404 not_found there is no such command: command 9");
    for (auto const* bad : {"x", "0", "-1", "9007199254740992", "1.0"})
        CHECK(error_of(rig.get(std::string("/v1/commands/") + bad))
            == "404 not_found there is no such command: '" + std::string(bad)
                + "' is not the number of a command");
}

TEST_CASE("Commands are listed by filter and page")
{
    HttpRig rig;
    for (int i = 0; i < 3; ++i)
        rig.post("/v1/commands", srv1_on);
    rig.service.hold();
    rig.post("/v1/commands", R"({"target": "pdu1", "outlet": "1", "action": "off"})");
    auto const ids = [&rig](std::string const& query) {
        std::string text;
        auto const page = parsed(rig.get("/v1/commands" + query));
        for (auto const& command : page.at("commands").as_array())
            text += std::to_string(command.at("id").to_number<int>()) + " ";
        if (auto const* next = page.as_object().if_contains("next"); next != nullptr && !next->is_null())
            text += "next " + std::to_string(next->to_number<int>());
        return text;
    };
    CHECK(ids("") == "4 3 2 1 ");
    CHECK(ids("?limit=2") == "4 3 next 3");
    CHECK(ids("?limit=2&before=3") == "2 1 ");
    CHECK(ids("?device=pdu1") == "4 ");
    CHECK(ids("?target=srv1&limit=1") == "3 next 3");
    CHECK(ids("?state=done") == "3 2 1 ");
    CHECK(ids("?open=true") == "4 ");
    CHECK(error_of(rig.get("/v1/commands?state=gone"))
        == "400 bad_request the request is not valid: query parameter 'state' must be one of delayed, "
           "queued, running, waiting, "
           "restoring, done, failed, expired, cancelled, superseded, indeterminate, not 'gone'");
    CHECK(error_of(rig.get("/v1/commands?limit=501"))
        == "400 bad_request the request is not valid: query parameter 'limit' must be a number from 1 to "
           "500, not '501'");
    CHECK(error_of(rig.get("/v1/commands?before=0"))
        == "400 bad_request the request is not valid: query parameter 'before' "
           "must be a number from 1 to 9007199254740991, not '0'");
    CHECK(error_of(rig.get("/v1/commands?open=1"))
        == "400 bad_request the request is not valid: query parameter 'open' must be 'true' or 'false', not "
           "'1'");
    rig.service.set_fault(Call::list, Error(Errc::store_unavailable, "closed"));
    CHECK(error_of(rig.get("/v1/commands")).starts_with("503 store_unavailable"));
}
