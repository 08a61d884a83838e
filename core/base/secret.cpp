#include "core/base/secret.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace switchyard {
namespace {

Result<Secret> read_file(std::string const& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return fail(Errc::internal, fmt::format("cannot read the secret file {}: {}", path, std::strerror(errno)));
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.ends_with('\n'))
        text.pop_back();
    if (text.ends_with('\r'))
        text.pop_back();
    return Secret(std::move(text));
}

Result<Secret> read_environment(std::string const& variable)
{
    char const* const value = std::getenv(variable.c_str());
    if (value == nullptr)
        return fail(Errc::internal, fmt::format("the environment variable {} of a secret is not set", variable));
    return Secret(value);
}

Result<Secret> read_credential(std::string const& credential)
{
    char const* const directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr)
        return fail(Errc::internal,
            fmt::format("the credential {} needs systemd's LoadCredential= ($CREDENTIALS_DIRECTORY is not set)", credential));
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
    explicit_bzero(text_.data(), text_.size());
    text_.clear();
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
