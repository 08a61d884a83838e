#include "tests/unit/http/rig.hpp"

using namespace switchyard;
using namespace switchyard::test;

TEST_CASE("Targets are listed and shown")
{
    HttpRig rig;
    auto const page = parsed(rig.get("/v1/targets?limit=1"));
    CHECK(page.at("targets").at(0).at("name").as_string() == "db1");
    CHECK(page.at("next").as_string() == "db1");
    auto const last = parsed(rig.get("/v1/targets?after=db1"));
    CHECK(last.at("targets").at(0).at("name").as_string() == "srv1");
    CHECK_FALSE(last.as_object().contains("next"));
    CHECK(parsed(rig.get("/v1/targets/srv1")).at("description").as_string() == "the first");
    CHECK(error_of(rig.get("/v1/targets/nosuch"))
        == "404 unknown_target no target or device has this name: 'nosuch'");
    CHECK(error_of(rig.get("/v1/targets?limit=0")).starts_with("400 bad_request"));
}

TEST_CASE("Devices are listed, shown and released, whatever is in their names")
{
    HttpRig rig;
    CHECK(parsed(rig.get("/v1/devices")).at("devices").as_array().size() == 3);
    CHECK(parsed(rig.get("/v1/devices/rack%2f7")).at("name").as_string() == "rack/7");
    CHECK(error_of(rig.get("/v1/devices/rack7"))
        == "404 unknown_target no target or device has this name: 'rack7'");
    rig.service.info_of("bmc1").status = "held";
    CHECK(parsed(rig.ask("POST", "/v1/devices/bmc1/release")).at("status").as_string() == "ok");
    auto const missing = rig.ask("POST", "/v1/devices/nosuch/release");
    CHECK(error_of(missing) == "404 unknown_target no target or device has this name: 'nosuch'");
    CHECK(parsed(missing).at("error").at("device").as_string() == "nosuch");
}

TEST_CASE("The state of a target, a device and an outlet is read")
{
    HttpRig rig;
    rig.get("/power/control/on?hostname=pdu1&port=1");
    CHECK(parsed(rig.get("/v1/targets/db1/state")).at("power").as_string() == "partial");
    CHECK(parsed(rig.get("/v1/targets/pdu1/state?outlet=1&max_age=5&timeout=10")).at("power").as_string()
        == "on");
    CHECK(error_of(rig.get("/v1/targets/nosuch/state"))
        == "404 unknown_target no target or device has this name: 'nosuch'");
    CHECK(error_of(rig.get("/v1/targets/srv1/state?max_age=-1"))
        == "400 bad_request the request is not valid: query parameter 'max_age' must be a time from 0 to 24h "
           "such as '30', '1.5' "
           "or '500ms', not '-1'");
    rig.service.set_fault(MemoryService::Call::state, Error(Errc::timed_out, "5 s"));
    auto const late = rig.get("/v1/targets/pdu1/state?outlet=1");
    CHECK(error_of(late) == "504 timed_out the device did not finish in time: 5 s");
    CHECK(parsed(late).at("error").at("device").as_string() == "pdu1");
}

TEST_CASE("HEAD of a page is its GET, and other methods are told what there is")
{
    HttpRig rig;
    CHECK(rig.ask("HEAD", "/v1/targets").status == 200);
    auto const put = rig.ask("PUT", "/v1/commands");
    CHECK(error_of(put)
        == "405 bad_request the request is not valid: this path takes POST, GET, HEAD, not PUT");
    CHECK(header(put, "Allow") == "POST, GET, HEAD");
    auto const release = rig.get("/v1/devices/bmc1/release");
    CHECK(header(release, "Allow") == "POST");
    auto const health = rig.ask("POST", "/healthz");
    CHECK(health.status == 405);
    CHECK(header(health, "Allow") == "GET, HEAD");
    auto const none = rig.get("/v1/nothing?x=1");
    CHECK(none.status == 404);
    CHECK(parsed(none).at("error").at("message").as_string()
        == "there is nothing at /v1/nothing; GET / tells what there is");
}

TEST_CASE("Monitoring sees health, readiness and metrics")
{
    HttpFrontendOptions options;
    options.metrics = [] { return std::string("# TYPE up gauge\nup 1\n"); };
    HttpRig rig(std::move(options));
    CHECK(rig.get("/healthz").body == "ok\n");
    CHECK(rig.get("/readyz").status == 200);
    rig.service.set_ready(false, "the store recovers");
    auto const unready = rig.get("/readyz");
    CHECK(unready.status == 503);
    CHECK(parsed(unready).at("reason").as_string() == "the store recovers");
    CHECK(header(unready, "Retry-After") == "1");
    auto const metrics = rig.get("/metrics?collect=all");
    CHECK(metrics.body == "# TYPE up gauge\nup 1\n");
    CHECK(metrics.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
    HttpRig bare;
    CHECK(bare.get("/metrics").body == "404: Not Found: this daemon counts nothing\n");
}

TEST_CASE("The root names the endpoints")
{
    HttpRig rig;
    auto const index = rig.get("/").body;
    for (auto const* path :
        {"/power/control/", "/v1/commands", "/v1/targets", "/v1/devices", "/v1/events", "/healthz"})
        CHECK(index.find(path) != std::string::npos);
}
