#include "daemon/config/fields.hpp"
#include "tests/unit/config/test_drivers.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <sstream>

using namespace switchyard;

namespace {

std::string file_text(std::string const& path)
{
    std::ifstream in(SWITCHYARD_SOURCE_DIR "/" + path, std::ios::binary);
    REQUIRE(in);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// A key as it would stand in a file, with its documented default.
std::string as_written(KeySpec const& key)
{
    bool const quoted =
        key.type == KeyType::text || key.type == KeyType::duration || key.type == KeyType::secret;
    return fmt::format("{} = {}{}{}\n", key.name, quoted ? "\"" : "", key.fallback, quoted ? "\"" : "");
}

template <class T>
std::string all_defaults(std::span<ConfigField<T> const> fields)
{
    std::string text;
    for (auto const& field : fields)
        if (field.key.name != "group") // must name one that exists
            text += as_written(field.key);
    return text;
}

} // namespace

TEST_CASE("the documented defaults are the defaults")
{
    auto const loaded = parse_config("[daemon]\n" + all_defaults(daemon_fields()) + "[daemon.http]\n"
            + all_defaults(http_fields()) + "[daemon.zmq]\n" + all_defaults(zmq_fields()) + "[daemon.store]\n"
            + all_defaults(store_fields()) + "[devices.d]\ndriver = \"bmc\"\naddress = \"x\"\n"
            + all_defaults(device_fields()) + "[groups.g]\n" + all_defaults(group_fields()),
        "t.toml", test::drivers);
    REQUIRE(test::texts(loaded.errors).empty());
    CHECK(loaded.config.daemon == DaemonConfig());
    auto device = loaded.config.devices.at("d");
    device.name.clear();
    device.drivers.clear();
    CHECK(device == DeviceConfig());
    CHECK(loaded.config.groups.at("g").max_in_flight == GroupConfig().max_in_flight);
    CHECK(loaded.config.groups.at("g").stagger == GroupConfig().stagger);
}

TEST_CASE("no driver has a key that every device has")
{
    std::set<std::string_view> taken{driver_key.name, drivers_key.name};
    for (auto const& field : device_fields())
        taken.insert(field.key.name);
    for (auto const* const driver : all_drivers()) {
        CHECK_FALSE(taken.contains(driver->name));
        for (auto const& key : driver->keys) {
            CAPTURE(driver->name, key.name);
            CHECK_FALSE(taken.contains(key.name));
            CHECK_FALSE(key.doc.empty());
        }
    }
}

TEST_CASE("the schema is JSON that knows every key")
{
    auto const schema = json::parse(config_schema(test::drivers)).as_object();
    CHECK(schema.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
    auto const& defs = schema.at("$defs").as_object();
    auto const& device = defs.at("device").as_object().at("properties").as_object();
    for (auto const& field : device_fields()) {
        CAPTURE(field.key.name);
        CHECK(device.contains(field.key.name));
    }
    CHECK(device.at("driver").at("enum") == json::value({"bmc", "pdu", "web"}));
    CHECK(device.at("attempts").at("maximum") == 100);
    CHECK(device.at("coalesce").at("enum") == json::value({"none", "latest"}));
    auto const& pdu = defs.at("driver_pdu").as_object();
    CHECK(pdu.at("properties").as_object().size() == test::pdu_keys.size());
    CHECK(pdu.at("required") == json::array{"address"});
}

TEST_CASE("the schema in the tree is the one of this build")
{
    bool const same = file_text("config/schema/switchyard.schema.json") == config_schema();
    INFO("regenerate it: switchyardd --dump-schema > config/schema/switchyard.schema.json");
    CHECK(same);
}

TEST_CASE("the tables of docs/configuration.md are the ones of this build")
{
    auto const page = file_text("docs/configuration.md");
    for (auto const& [section, markdown] : config_reference()) {
        INFO("docs/configuration.md needs this table below <!-- table: " << section << " -->\n" << markdown);
        CHECK(page.find("<!-- table: " + section + " -->\n\n" + markdown) != std::string::npos);
    }
}

TEST_CASE("the example loads without a finding")
{
    auto const loaded = load_config(SWITCHYARD_SOURCE_DIR "/config/switchyard.toml");
    CHECK(test::texts(loaded.errors).empty());
    CHECK(test::texts(loaded.warnings).empty());
    CHECK(loaded.config.devices.size() >= 2);
    CHECK(loaded.config.targets.size() >= 2);
}
