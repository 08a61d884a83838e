#include "daemon/ops/metrics.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;

namespace {

bool has_line(std::string const& text, std::string const& line)
{
    return text.starts_with(line + "\n") || text.find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("What happened is counted by action and outcome")
{
    Metrics metrics("1.2.3");
    metrics.accepted(Action::on, std::chrono::microseconds(300));
    metrics.accepted(Action::on, std::chrono::milliseconds(3));
    metrics.finished(Action::cycle, CommandState::indeterminate, std::chrono::seconds(7));
    metrics.finished(Action::cycle, CommandState::running, std::chrono::seconds(7)); // no end
    metrics.committed(12, std::chrono::microseconds(140));
    auto const text = metrics.text();
    CHECK(has_line(text, R"(switchyard_build_info{version="1.2.3"} 1)"));
    CHECK(has_line(text, R"(switchyard_commands_accepted_total{action="on"} 2)"));
    CHECK(has_line(text, R"(switchyard_commands_accepted_total{action="off"} 0)"));
    CHECK(has_line(text, R"(switchyard_commands_finished_total{action="cycle",outcome="indeterminate"} 1)"));
    CHECK(has_line(text, R"(switchyard_command_duration_seconds_count{action="cycle"} 1)"));
    CHECK(has_line(text, R"(switchyard_command_duration_seconds_bucket{action="cycle",le="5"} 0)"));
    CHECK(has_line(text, R"(switchyard_command_duration_seconds_bucket{action="cycle",le="10"} 1)"));
    CHECK(has_line(text, R"(switchyard_accept_duration_seconds_bucket{le="0.0005"} 1)"));
    CHECK(has_line(text, R"(switchyard_store_commit_rows_sum 12)"));
    CHECK(has_line(text, R"(switchyard_store_commit_duration_seconds_bucket{le="0.00025"} 1)"));
}

TEST_CASE("Drivers are counted by their name and keep their place")
{
    Metrics metrics("1");
    auto& first = metrics.driver("ipmitool");
    for (int i = 0; i < 100; ++i)
        metrics.driver("driver" + std::to_string(i));
    CHECK(&metrics.driver("ipmitool") == &first);
    first.failed(Errc::unreachable);
    first.called(std::chrono::milliseconds(50));
    auto const text = metrics.text();
    CHECK(has_line(text, R"(switchyard_driver_errors_total{code="unreachable",driver="ipmitool"} 1)"));
    CHECK(has_line(text, R"(switchyard_driver_call_duration_seconds_count{driver="ipmitool"} 1)"));
}

TEST_CASE("What is now is shown as it is")
{
    Metrics metrics("1");
    metrics.set_depth(CommandState::queued, 7);
    metrics.set_depth(CommandState::queued, 3);
    metrics.set_depth(CommandState::done, 3); // nothing that waits
    metrics.set_oldest_ready_age(std::chrono::milliseconds(1'500));
    metrics.set_breakers_open(2);
    metrics.set_devices(5, 1);
    metrics.set_wal_bytes(4'096);
    HttpServerStats stats;
    stats.open = 4;
    stats.requests = 10;
    metrics.set_http(stats);
    stats.requests = 12;
    metrics.set_http(stats);
    auto const text = metrics.text();
    CHECK(has_line(text, R"(switchyard_queue_depth{state="queued"} 3)"));
    CHECK(has_line(text, R"(switchyard_queue_depth{state="restoring"} 0)"));
    CHECK(has_line(text, "switchyard_oldest_ready_age_seconds 1.5"));
    CHECK(has_line(text, "switchyard_breaker_open 2"));
    CHECK(has_line(text, R"(switchyard_devices{status="failed"} 1)"));
    CHECK(has_line(text, "switchyard_store_wal_bytes 4096"));
    CHECK(has_line(text, "switchyard_http_connections_open 4"));
    CHECK(has_line(text, "switchyard_http_requests_total 12"));
}

TEST_CASE("Every series begins with the name of the program")
{
    Metrics metrics("1");
    std::string const text = metrics.text();
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
        auto const line = std::string_view(text).substr(begin, text.find('\n', begin) - begin);
        CHECK((line.starts_with("switchyard_") || line.starts_with("# HELP switchyard_")
            || line.starts_with("# TYPE switchyard_") || line == "# EOF"));
    }
}

TEST_CASE("The text is OpenMetrics: counters without their suffix in the head, and a mark at the end")
{
    std::string const text = Metrics("1").text();
    CHECK(has_line(text, "# TYPE switchyard_commands_accepted counter"));
    CHECK(text.ends_with("\n# EOF\n"));
}
