#include "core/base/secret.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace switchyard {
namespace {

constexpr std::size_t largest_file = 4096; // bytes

std::unexpected<Error> cannot_read(std::string const& path, std::string_view why)
{
    return fail(Errc::internal, fmt::format("cannot read the secret file {}: {}", path, why));
}

// Without a stream: its buffer would keep the secret after the Secret is wiped.
Result<Secret> read_file(std::string const& path)
{
    int const file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return cannot_read(path, std::strerror(errno));
    std::array<char, largest_file + 1> bytes;
    std::size_t size = 0;
    ssize_t count = 0;
    while (size < bytes.size() && (count = read(file, bytes.data() + size, bytes.size() - size)) > 0)
        size += static_cast<std::size_t>(count);
    int const error = count < 0 ? errno : 0;
    close(file);
    std::string_view text(bytes.data(), size);
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    Secret secret{std::string(text)};
    explicit_bzero(bytes.data(), size);
    if (error != 0)
        return cannot_read(path, std::strerror(error));
    if (size > largest_file)
        return cannot_read(path, fmt::format("it is larger than {} bytes", largest_file));
    return secret;
}

Result<Secret> read_environment(std::string const& variable)
{
    char const* const value = std::getenv(variable.c_str());
    if (value == nullptr)
        return fail(
            Errc::internal, fmt::format("the environment variable {} of a secret is not set", variable));
    return Secret(value);
}

Result<Secret> read_credential(std::string const& credential)
{
    char const* const directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr)
        return fail(Errc::internal,
            fmt::format(
                "the credential {} needs systemd's LoadCredential= ($CREDENTIALS_DIRECTORY is not set)",
                credential));
    return read_file(fmt::format("{}/{}", directory, credential));
}

} // namespace

Secret& Secret::operator=(Secret&& other) noexcept
{
    if (this != &other) {
        wipe();
        text_ = std::move(other.text_);
        other.wipe();
    }
    return *this;
}

void Secret::wipe() noexcept
{
    text_.resize(text_.capacity()); // a moved-from short text is still in its place, beyond size()
    explicit_bzero(text_.data(), text_.size());
    text_.clear();
}

std::string redact(std::string text, Secret const& secret)
{
    constexpr std::string_view mask = "***";
    auto const hidden = secret.reveal();
    if (hidden.empty())
        return text;
    for (auto at = text.find(hidden); at != std::string::npos; at = text.find(hidden, at + mask.size()))
        text.replace(at, hidden.size(), mask);
    return text;
}

Result<Secret> SecretRef::resolve() const
{
    switch (kind) {
    case Kind::literal:
        return Secret(value);
    case Kind::file:
        return read_file(value);
    case Kind::environment:
        return read_environment(value);
    case Kind::credential:
        return read_credential(value);
    }
    return fail(Errc::internal, "unknown kind of secret");
}

} // namespace switchyard
