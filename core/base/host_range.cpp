#include "core/base/host_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

namespace switchyard {
namespace {

constexpr std::size_t longest_number = 18; // digits; fits an int64 with room to count past its end

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

std::uint64_t number(std::string_view digits) noexcept
{
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

bool is_padded(std::string_view digits) noexcept
{
    return digits.size() > 1 && digits.front() == '0';
}

std::size_t longest(std::vector<std::string> const& texts) noexcept
{
    return std::ranges::max_element(texts, {}, &std::string::size)->size();
}

std::string padded(std::uint64_t value, std::size_t width)
{
    return fmt::format("{:0{}}", value, width);
}

// Reads the text from left to right; `at_` is where the next mistake is.
class Expander {
public:
    explicit Expander(std::string_view text) : text_(text) {}

    Result<std::vector<std::string>> expand()
    {
        while (true) {
            if (auto const read = read_item(); !read)
                return std::unexpected(read.error());
            if (at_ == text_.size())
                return std::move(names_);
            ++at_; // the comma
        }
    }

private:
    std::unexpected<Error> wrong(std::size_t at, std::string_view what) const
    {
        return fail(Errc::bad_request, fmt::format("character {}: {}", at + 1, what));
    }
    std::unexpected<Error> too_many() const
    {
        return fail(
            Errc::bad_request, fmt::format("the range stands for more than {} names", host_range_limit));
    }

    // One name with its brackets, up to a comma outside of brackets or the end.
    Result<> read_item()
    {
        auto const start = at_;
        std::vector<std::string> names{""};
        while (at_ < text_.size() && text_[at_] != ',') {
            if (text_[at_] == ']')
                return wrong(at_, "']' has no '['");
            Result<std::vector<std::string>> parts;
            if (text_[at_] == '[')
                parts = read_brackets();
            else
                parts->push_back(read_literal());
            if (!parts)
                return std::unexpected(parts.error());
            if (auto const multiplied = multiply(names, *parts, start); !multiplied)
                return multiplied;
        }
        return take(std::move(names), start);
    }

    std::string read_literal()
    {
        auto const end = std::min(text_.find_first_of(",[]", at_), text_.size());
        auto const literal = text_.substr(at_, end - at_);
        at_ = end;
        return std::string(literal);
    }

    Result<> multiply(
        std::vector<std::string>& names, std::vector<std::string> const& parts, std::size_t start) const
    {
        if (names.size() * parts.size() > host_range_limit)
            return too_many();
        // Before the product is made: 65,536 names of any length would not fit the memory.
        if (longest(names) + longest(parts) > host_name_limit)
            return wrong(start, fmt::format("a name is longer than {} bytes", host_name_limit));
        std::vector<std::string> product;
        product.reserve(names.size() * parts.size());
        for (auto const& name : names)
            for (auto const& part : parts)
                product.push_back(name + part);
        names = std::move(product);
        return {};
    }

    Result<> take(std::vector<std::string> names, std::size_t start)
    {
        for (auto& name : names) {
            auto const first = name.find_first_not_of(' ');
            if (first == std::string::npos)
                return wrong(start, "a name is missing");
            name = name.substr(first, name.find_last_not_of(' ') + 1 - first);
            if (!seen_.insert(name).second)
                continue;
            if (names_.size() == host_range_limit)
                return too_many();
            names_.push_back(std::move(name));
        }
        return {};
    }

    // "[01-20,31]"
    Result<std::vector<std::string>> read_brackets()
    {
        auto const open = at_++;
        std::vector<std::string> parts;
        while (true) {
            if (auto const read = read_range(parts); !read)
                return std::unexpected(read.error());
            if (at_ == text_.size())
                return wrong(open, "'[' has no ']'");
            auto const c = text_[at_++];
            if (c == ']')
                return parts;
            if (c != ',')
                return wrong(at_ - 1, fmt::format("expected ',', '-' or ']' after a number, found '{}'", c));
        }
    }

    Result<std::string_view> read_number(std::size_t open)
    {
        auto const start = at_;
        while (at_ < text_.size() && is_digit(text_[at_]))
            ++at_;
        if (at_ == start && at_ == text_.size())
            return wrong(open, "'[' has no ']'");
        if (at_ == start)
            return wrong(at_, fmt::format("expected a number, found '{}'", text_[at_]));
        if (at_ - start > longest_number)
            return wrong(start, fmt::format("a number has more than {} digits", longest_number));
        return text_.substr(start, at_ - start);
    }

    // "31" or "01-20"
    Result<> read_range(std::vector<std::string>& parts)
    {
        auto const start = at_;
        auto const open = text_.rfind('[', at_);
        auto const low = read_number(open);
        if (!low)
            return std::unexpected(low.error());
        if (at_ == text_.size() || text_[at_] != '-') {
            parts.emplace_back(*low);
            return parts.size() > host_range_limit ? Result<>(too_many()) : Result<>();
        }
        ++at_;
        auto const high = read_number(open);
        if (!high)
            return std::unexpected(high.error());
        auto const first = number(*low), last = number(*high);
        if (last < first)
            return wrong(start, fmt::format("the range {}-{} is reversed", *low, *high));
        if ((is_padded(*low) || is_padded(*high)) && low->size() != high->size())
            return wrong(start,
                fmt::format("the ends of {}-{} are padded differently; write {}-{}", *low, *high,
                    padded(first, std::max(low->size(), high->size())),
                    padded(last, std::max(low->size(), high->size()))));
        if (last - first >= host_range_limit - parts.size())
            return too_many();
        for (auto value = first; value <= last; ++value)
            parts.push_back(padded(value, is_padded(*low) ? low->size() : 1));
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<std::string> names_;
    std::unordered_set<std::string> seen_;
};

// A name as it falls apart for folding: texts at even places, numbers (or folded brackets) at odd ones.
using Tokens = std::vector<std::string>;

Tokens split(std::string_view name)
{
    Tokens tokens{""};
    for (std::size_t at = 0; at < name.size();) {
        auto end = at;
        while (end < name.size() && is_digit(name[end]))
            ++end;
        if (end == at || end - at > longest_number) {
            end = std::max(end, at + 1);
            tokens.back() += name.substr(at, end - at);
        } else {
            tokens.emplace_back(name.substr(at, end - at));
            tokens.emplace_back();
        }
        at = end;
    }
    return tokens;
}

// "[01-20,31]" of some numbers; a single one stays as it is.
std::string brackets(std::vector<std::string> numbers)
{
    if (numbers.size() == 1)
        return numbers.front();
    std::ranges::sort(
        numbers, {}, [](auto const& digits) { return std::pair(number(digits), digits.size()); });
    std::string text = "[";
    for (std::size_t first = 0, next = 0; first < numbers.size(); first = next) {
        auto const width = is_padded(numbers[first]) ? numbers[first].size() : 0;
        next = first + 1;
        while (next < numbers.size() && number(numbers[next]) == number(numbers[next - 1]) + 1
            && (width > 0 ? numbers[next].size() == width : !is_padded(numbers[next])))
            ++next;
        text += first > 0 ? "," : "";
        text += numbers[first];
        if (next - first > 1)
            text += (next - first == 2 ? "," : "-") + numbers[next - 1];
    }
    return text + "]";
}

// Joins the names that differ in their number at `place` only.
std::vector<Tokens> fold_at(std::size_t place, std::vector<Tokens> items)
{
    std::vector<Tokens> folded;
    std::vector<std::vector<std::string>> numbers;
    std::unordered_map<std::string, std::size_t> groups;
    for (auto& tokens : items) {
        if (place >= tokens.size()) {
            folded.push_back(std::move(tokens));
            numbers.emplace_back();
            continue;
        }
        std::string key;
        for (std::size_t i = 0; i < tokens.size(); ++i)
            key.append(i == place ? "" : tokens[i]).push_back('\0');
        auto const [group, is_new] = groups.emplace(std::move(key), folded.size());
        if (is_new) {
            folded.push_back(tokens);
            numbers.emplace_back();
        }
        numbers[group->second].push_back(std::move(tokens[place]));
    }
    for (std::size_t i = 0; i < folded.size(); ++i)
        if (!numbers[i].empty())
            folded[i][place] = brackets(std::move(numbers[i]));
    return folded;
}

} // namespace

Result<std::vector<std::string>> expand_hosts(std::string_view text)
{
    return Expander(text).expand();
}

std::string fold_hosts(std::vector<std::string> names)
{
    std::unordered_set<std::string_view> seen;
    std::vector<Tokens> items;
    std::size_t most = 0;
    for (auto const& name : names) {
        if (!seen.insert(name).second)
            continue;
        items.push_back(split(name));
        most = std::max(most, items.back().size());
    }
    for (auto place = most; place-- > 0;)
        if (place % 2 == 1)
            items = fold_at(place, std::move(items));
    std::string text;
    for (auto const& tokens : items) {
        text += text.empty() ? "" : ",";
        for (auto const& token : tokens)
            text += token;
    }
    return text;
}

} // namespace switchyard
