#include "daemon/config/pretty_json.hpp"

#include <boost/json/serialize.hpp>

#include <string_view>

namespace switchyard {
namespace {

namespace json = boost::json;

constexpr std::size_t line_length = 100;

void write(std::string& out, json::value const& value, std::size_t depth);

void write_line(std::string& out, bool first, std::size_t depth)
{
    out += first ? "\n" : ",\n";
    out.append(2 * depth, ' ');
}

void write_object(std::string& out, json::object const& object, std::size_t depth)
{
    out += '{';
    bool first = true;
    for (auto const& member : object) {
        write_line(out, first, depth + 1);
        out += json::serialize(member.key()) + ": ";
        write(out, member.value(), depth + 1);
        first = false;
    }
    out += '\n';
    out.append(2 * depth, ' ');
    out += '}';
}

void write_array(std::string& out, json::array const& array, std::size_t depth)
{
    out += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
        write_line(out, i == 0, depth + 1);
        write(out, array[i], depth + 1);
    }
    out += '\n';
    out.append(2 * depth, ' ');
    out += ']';
}

void write(std::string& out, json::value const& value, std::size_t depth)
{
    auto const flat = json::serialize(value);
    bool const fits = flat.size() + 2 * depth <= line_length;
    if (auto const* const object = value.if_object(); object != nullptr && !object->empty())
        return write_object(out, *object, depth);
    if (auto const* const array = value.if_array(); array != nullptr && !array->empty() && !fits)
        return write_array(out, *array, depth);
    out += flat;
}

} // namespace

std::string pretty_json(json::value const& value)
{
    std::string out;
    write(out, value, 0);
    return out + '\n';
}

} // namespace switchyard
