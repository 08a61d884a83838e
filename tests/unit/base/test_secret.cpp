#include "core/base/secret.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <type_traits>
#include <unistd.h>

using namespace switchyard;

namespace {

// A folder that is gone at the end.
class Folder {
public:
    Folder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "switchyard-secret-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;

    std::string write(std::string const& name, std::string_view text) const
    {
        auto const file = path_ / name;
        std::ofstream(file, std::ios::binary) << text;
        return file.string();
    }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

std::string resolved(SecretRef const& ref)
{
    auto const secret = ref.resolve();
    if (!secret)
        FAIL(secret.error().detail);
    return std::string(secret->reveal());
}

} // namespace

TEST_CASE("a secret moves and is not copied")
{
    static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
    Secret one(std::string("a rather long password that lives on the heap"));
    Secret two(std::move(one));
    CHECK(one.empty()); // NOLINT(bugprone-use-after-move): that it is wiped is the point
    CHECK(two.reveal() == "a rather long password that lives on the heap");
    Secret three(std::string("x"));
    three = std::move(two);
    CHECK(two.empty()); // NOLINT(bugprone-use-after-move)
    CHECK(three.reveal() == "a rather long password that lives on the heap");
}

TEST_CASE("a secret comes from where it is kept")
{
    Folder const folder;
    using Kind = SecretRef::Kind;
    CHECK(resolved(SecretRef(Kind::literal, "pw")) == "pw");
    CHECK(resolved(SecretRef(Kind::file, folder.write("plain", "pw"))) == "pw");
    CHECK(resolved(SecretRef(Kind::file, folder.write("unix", "pw\n"))) == "pw");
    CHECK(resolved(SecretRef(Kind::file, folder.write("dos", "pw\r\n"))) == "pw");
    CHECK(resolved(SecretRef(Kind::file, folder.write("two", "pw\n\n"))) == "pw\n");
    REQUIRE(setenv("SWITCHYARD_TEST_SECRET", "from env", 1) == 0);
    CHECK(resolved(SecretRef(Kind::environment, "SWITCHYARD_TEST_SECRET")) == "from env");
    folder.write("bmc", "from systemd\n");
    REQUIRE(setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1) == 0);
    CHECK(resolved(SecretRef(Kind::credential, "bmc")) == "from systemd");
    unsetenv("SWITCHYARD_TEST_SECRET");
    unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("a secret that cannot be read says where it was looked for")
{
    using Kind = SecretRef::Kind;
    auto const error = [](Kind kind, char const* value) {
        auto const secret = SecretRef(kind, value).resolve();
        REQUIRE_FALSE(secret);
        CHECK(secret.error().code == Errc::internal);
        return secret.error().detail;
    };
    CHECK(error(Kind::file, "/nonexistent/pw")
        == "cannot read the secret file /nonexistent/pw: No such file or directory");
    CHECK(error(Kind::environment, "SWITCHYARD_TEST_UNSET")
        == "the environment variable SWITCHYARD_TEST_UNSET of a secret is not set");
    CHECK(error(Kind::credential, "bmc")
        == "the credential bmc needs systemd's LoadCredential= ($CREDENTIALS_DIRECTORY is not set)");
}

TEST_CASE("a folder is no secret file")
{
    Folder const folder;
    auto const secret = SecretRef(SecretRef::Kind::file, folder.path()).resolve();
    REQUIRE_FALSE(secret);
    CHECK(secret.error().detail == "cannot read the secret file " + folder.path() + ": Is a directory");
}

TEST_CASE("a secret file has a limit")
{
    Folder const folder;
    CHECK(resolved(SecretRef(SecretRef::Kind::file, folder.write("most", std::string(4096, 'x')))).size()
        == 4096);
    auto const secret =
        SecretRef(SecretRef::Kind::file, folder.write("more", std::string(4097, 'x'))).resolve();
    REQUIRE_FALSE(secret);
    CHECK(secret.error().detail
        == "cannot read the secret file " + folder.path() + "/more: it is larger than 4096 bytes");
}
