#include "daemon/config/fields.hpp"
#include "daemon/config/loader.hpp"
#include "daemon/config/pretty_json.hpp"
#include "daemon/config/value_reader.hpp"

#include "core/base/text.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace switchyard {
namespace {

json::object reference(std::string_view definition)
{
    return {{"$ref", fmt::format("#/$defs/{}", definition)}};
}

json::object type_schema(KeySpec const& key)
{
    switch (key.type) {
    case KeyType::text: {
        json::object schema{{"type", "string"}};
        if (json::array values; !key.allowed.empty()) {
            for (auto const value : allowed_values(key))
                values.emplace_back(value);
            schema.emplace("enum", std::move(values));
        }
        return schema;
    }
    case KeyType::integer: {
        json::object schema{{"type", "integer"}};
        if (key.min < key.max) {
            schema.emplace("minimum", key.min);
            schema.emplace("maximum", key.max);
        }
        return schema;
    }
    case KeyType::boolean:
        return {{"type", "boolean"}};
    case KeyType::duration:
        return reference("duration");
    case KeyType::secret:
        return reference("secret");
    case KeyType::text_list:
        return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case KeyType::text_map:
        return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
    }
    return {};
}

json::value default_value(KeySpec const& key)
{
    switch (key.type) {
    case KeyType::integer:
        return parse_integer(key.fallback).value_or(0);
    case KeyType::boolean:
        return key.fallback == "true";
    case KeyType::text_list:
        return json::parse(json::string_view(key.fallback.data(), key.fallback.size())); // TOML's lists of
                                                                                         // texts are JSON's
    default:
        return json::value(key.fallback);
    }
}

json::object key_schema(KeySpec const& key)
{
    auto schema = type_schema(key);
    schema.emplace("description", key.doc);
    if (key.type == KeyType::duration && key.min < key.max)
        schema["description"] = fmt::format(
            "{} From {} to {}.", key.doc, to_text(milliseconds(key.min)), to_text(milliseconds(key.max)));
    if (!key.fallback.empty())
        schema.emplace("default", default_value(key));
    return schema;
}

json::object properties_of(std::span<KeySpec const> keys)
{
    json::object properties;
    for (auto const& key : keys)
        properties.emplace(key.name, key_schema(key));
    return properties;
}

// A table with these keys and no others.
json::object table_schema(std::span<KeySpec const> keys)
{
    return {{"type", "object"}, {"properties", properties_of(keys)}, {"additionalProperties", false}};
}

json::object required(std::initializer_list<std::string_view> names)
{
    json::array list;
    for (auto const name : names)
        list.emplace_back(name);
    return {{"required", std::move(list)}};
}

// The keys of a driver: beside `driver`, or in its own table. Not closed: whoever refers to it closes it.
json::object driver_schema(DriverSpec const& driver)
{
    json::object schema{
        {"type", "object"}, {"description", driver.summary}, {"properties", properties_of(driver.keys)}};
    json::array needed;
    for (auto const& key : driver.keys)
        if (key.required)
            needed.emplace_back(key.name);
    if (!needed.empty())
        schema.emplace("required", std::move(needed));
    return schema;
}

json::object device_schema(std::span<KeySpec const> keys, Drivers drivers)
{
    json::array names;
    json::object tables;
    json::array cases;
    for (auto const* const driver : drivers) {
        auto const definition = fmt::format("driver_{}", driver->name);
        names.emplace_back(driver->name);
        auto table = reference(definition);
        table.emplace("unevaluatedProperties", false);
        tables.emplace(driver->name, std::move(table));
        cases.emplace_back(json::object{{"if",
                                            {{"properties", {{"driver", {{"const", driver->name}}}}},
                                                {"required", json::array{"driver"}}}},
            {"then", reference(definition)}});
    }
    cases.emplace_back(
        json::object{{"if", required({"drivers"})}, {"then", {{"properties", std::move(tables)}}}});
    auto properties = properties_of(keys);
    properties["driver"].as_object()["enum"] = names;
    auto& several = properties["drivers"].as_object();
    several["items"].as_object()["enum"] = std::move(names);
    several.emplace("minItems", 1);
    several.emplace("uniqueItems", true);
    return {{"type", "object"}, {"properties", std::move(properties)},
        {"oneOf", json::array{required({"driver"}), required({"drivers"})}}, {"allOf", std::move(cases)},
        {"unevaluatedProperties", false}};
}

json::object target_schema(std::span<KeySpec const> keys)
{
    auto schema = table_schema(keys);
    schema["properties"].as_object()["outlets"].as_object().emplace("minItems", 1);
    schema.emplace("oneOf", json::array{required({"device"}), required({"outlets"})});
    schema.emplace("dependentRequired", json::object{{"outlet", json::array{"device"}}});
    return schema;
}

// [devices], [groups], [targets]: a name each.
json::object named(std::string_view definition, std::string_view doc)
{
    return {{"type", "object"}, {"description", doc}, {"propertyNames", reference("name")},
        {"additionalProperties", reference(definition)}};
}

json::object place_schema(std::string_view place, std::string_view doc)
{
    json::object properties;
    properties.emplace(place, json::object{{"type", "string"}, {"minLength", 1}, {"description", doc}});
    return {{"type", "object"}, {"properties", std::move(properties)}, {"required", json::array{place}},
        {"additionalProperties", false}};
}

json::object definitions(Drivers drivers)
{
    json::object defs;
    defs.emplace("duration",
        json::object{{"description", "\"500ms\", \"5s\", \"2m\", \"1h\", \"1d\", or a number of seconds."},
            {"oneOf",
                json::array{json::object{{"type", "string"}, {"pattern", "^[0-9]*\\.?[0-9]+(ms|s|m|h|d)?$"}},
                    json::object{{"type", "number"}, {"minimum", 0}}}}});
    defs.emplace("secret",
        json::object{{"description", "A password or key, or where it is kept."},
            {"oneOf",
                json::array{json::object{{"type", "string"}},
                    place_schema("file", "A file; relative to the folder of this configuration file."),
                    place_schema("env", "An environment variable of the daemon."),
                    place_schema("credential", "A credential of systemd (LoadCredential=).")}}});
    defs.emplace("name",
        json::object{{"type", "string"}, {"minLength", 1}, {"maxLength", 255},
            {"pattern", "^[^\\x00-\\x20\\x7f:/]([^\\x00-\\x1f\\x7f:/]*[^\\x00-\\x20\\x7f:/])?$"}});
    for (auto const& section : config_sections()) {
        if (section.name == "devices.NAME")
            defs.emplace("device", device_schema(section.keys, drivers));
        if (section.name == "groups.NAME")
            defs.emplace("group", table_schema(section.keys));
        if (section.name == "targets.NAME")
            defs.emplace("target", target_schema(section.keys));
    }
    for (auto const* const driver : drivers)
        defs.emplace(fmt::format("driver_{}", driver->name), driver_schema(*driver));
    return defs;
}

json::object daemon_schema()
{
    json::object daemon;
    for (auto const& section : config_sections()) {
        if (section.name == "daemon")
            daemon = table_schema(section.keys);
        else if (section.name.starts_with("daemon."))
            daemon["properties"].as_object().emplace(section.name.substr(7), table_schema(section.keys));
    }
    daemon.emplace("description", "The daemon itself.");
    return daemon;
}

} // namespace

std::string config_schema(Drivers drivers)
{
    json::object properties;
    properties.emplace("daemon", daemon_schema());
    properties.emplace(
        "devices", named("device", "What has an address and a queue: BMCs, PDUs, relay boards."));
    properties.emplace("groups", named("group", "Limits on what happens at the same time."));
    properties.emplace("targets", named("target", "The names that people use for outlets."));
    json::object schema;
    schema.emplace("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.emplace("title", "switchyard.toml");
    schema.emplace("description", "Configuration of switchyardd; docs/configuration.md is its reference.");
    schema.emplace("type", "object");
    schema.emplace("properties", std::move(properties));
    schema.emplace("additionalProperties", false);
    schema.emplace("$defs", definitions(drivers));
    return pretty_json(schema);
}

std::vector<ReferenceTable> config_reference()
{
    std::vector<ReferenceTable> tables;
    for (auto const& section : config_sections()) {
        std::string text = "| key | value | default | meaning |\n|---|---|---|---|\n";
        for (auto const& key : section.keys) {
            auto const fallback = key.fallback.empty() ? std::string() : fmt::format("`{}`", key.fallback);
            auto value = expected_text(key);
            if (key.type == KeyType::duration)
                value = key.min < key.max ? fmt::format("duration, {} to {}", to_text(milliseconds(key.min)),
                                                to_text(milliseconds(key.max)))
                                          : "duration";
            if (key.type == KeyType::secret)
                value = "secret";
            text += fmt::format("| `{}` | {} | {} | {} |\n", key.name, value, fallback, key.doc);
        }
        tables.push_back({std::string(section.name), std::move(text)});
    }
    return tables;
}

} // namespace switchyard
