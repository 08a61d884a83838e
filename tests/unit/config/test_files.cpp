#include "tests/unit/config/test_drivers.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace switchyard;

namespace {

namespace fs = std::filesystem;

// A folder for configuration files; gone at the end.
class Folder {
public:
    Folder()
    {
        std::string pattern = (fs::temp_directory_path() / "switchyard-config-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;

    std::string operator/(std::string const& name) const { return (path_ / name).string(); }
    std::string write(std::string const& name, std::string_view text, mode_t mode = 0600) const
    {
        auto const file = path_ / name;
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        REQUIRE(chmod(file.c_str(), mode) == 0);
        return file.string();
    }

private:
    fs::path path_;
};

Loaded load(std::string const& path)
{
    return load_config(path, test::drivers);
}

constexpr std::string_view device_d = "[devices.d]\ndriver = \"bmc\"\naddress = \"x\"\n";

} // namespace

TEST_CASE("a file that cannot be read is an error")
{
    Folder const folder;
    CHECK(test::texts(load(folder / "nope.toml").errors)
        == (folder / "nope.toml") + ": cannot be read: No such file or directory\n");
    fs::create_directories(folder / "dir.toml");
    CHECK(test::texts(load(folder / "dir.toml").errors)
        == (folder / "dir.toml") + ": cannot be read: Is a directory\n");
}

TEST_CASE("the files of conf.d are read in the order of their names")
{
    Folder const folder;
    auto const main =
        folder.write("switchyard.toml", "[daemon]\nqueue_limit = 7\n[targets.t]\ndevice = \"b\"\n");
    folder.write("conf.d/20-b.toml", "[devices.b]\ndriver = \"bmc\"\naddress = \"x\"\ngroup = \"g\"\n");
    folder.write("conf.d/10-a.toml", "[daemon]\nevent_ring = 100\n[groups.g]\n");
    folder.write("conf.d/ignored.txt", "this is not TOML");
    folder.write("conf.d/.hidden.toml", "nor is this");
    auto const loaded = load(main);
    CHECK(test::texts(loaded.errors).empty());
    CHECK(loaded.config.daemon.queue_limit == 7);
    CHECK(loaded.config.daemon.event_ring == 100);
    CHECK(loaded.config.devices.contains("b"));
    CHECK(loaded.config.targets.at("t").outlets.front() == OutletRef("b", ""));
}

TEST_CASE("a name that two files give is an error with both places")
{
    Folder const folder;
    auto const main = folder.write("s.toml",
        fmt::format("{}[daemon.http]\nmax_body = 1000\n[groups.g]\n[targets.t]\ndevice = \"d\"\n", device_d));
    auto const one = folder.write("conf.d/1.toml", fmt::format("\n{}", device_d));
    auto const two = folder.write(
        "conf.d/2.toml", "[daemon.http]\n  max_body = 2000\n[groups.g]\n[targets.t]\ndevice = \"d\"\n");
    CHECK(test::texts(load(main).errors)
        == fmt::format("{1}:2:10: 'devices.d' is given twice; the first is at {0}:1:10\n"
                       "{2}:2:3: 'daemon.http.max_body' is given twice; the first is at {0}:5:1\n"
                       "{2}:3:9: 'groups.g' is given twice; the first is at {0}:6:9\n"
                       "{2}:4:10: 'targets.t' is given twice; the first is at {0}:7:10\n",
            main, one, two));
}

TEST_CASE("errors of all files are told at once")
{
    Folder const folder;
    auto const main = folder.write("s.toml", "[daemons]\n");
    auto const one = folder.write("conf.d/1.toml", "oops\n");
    auto const two = folder.write("conf.d/2.toml", "{}\n");
    auto const errors = load(main).errors;
    REQUIRE(errors.size() == 3);
    CHECK(errors[0].file == main);
    CHECK(errors[1].file == one);
    CHECK(errors[1].line == 1);
    CHECK(errors[2].file == two);
}

TEST_CASE("a literal secret in a file that others can read is a warning")
{
    Folder const folder;
    auto const text = fmt::format("{}password = \"s3cret\"\n", device_d);
    CHECK(load(folder.write("private.toml", text, 0600)).warnings.empty());
    CHECK(load(folder.write("group.toml", text, 0640)).warnings.empty());
    auto const open = folder.write("open.toml", text, 0644);
    auto const loaded = load(open);
    CHECK(loaded.errors.empty());
    CHECK(test::texts(loaded.warnings)
        == open
            + ":4:12: a secret stands in a file that others can read: chmod o-r, or write { file = \"...\" "
              "}, "
              "{ env = \"...\" } or { credential = \"...\" }\n");
    CHECK(load(folder.write("ref.toml", fmt::format("{}password = {{ env = \"PATH\" }}\n", device_d), 0644))
            .warnings.empty());
}

TEST_CASE("a secret file is found from the folder of the file that names it")
{
    Folder const folder;
    folder.write("secrets/pw", "s3cret\n");
    folder.write("conf.d/pw", "other");
    auto const main =
        folder.write("s.toml", fmt::format("{}password = {{ file = \"secrets/pw\" }}\n", device_d));
    folder.write(
        "conf.d/1.toml", "[devices.e]\ndriver = \"bmc\"\naddress = \"x\"\npassword = { file = \"pw\" }\n");
    auto const loaded = load(main);
    CHECK(test::texts(loaded.errors).empty());
    CHECK(test::texts(loaded.warnings).empty());
    auto const secret = [&](char const* device) {
        return loaded.config.devices.at(device).drivers.front().secret("password");
    };
    CHECK(secret("d") == SecretRef(SecretRef::Kind::file, folder / "secrets/pw"));
    CHECK(secret("d").resolve()->reveal() == "s3cret");
    CHECK(secret("e").resolve()->reveal() == "other");
    auto const absolute = folder.write(
        "a.toml", fmt::format("{}password = {{ file = \"{}\" }}\n", device_d, folder / "secrets/pw"));
    fs::remove_all(folder / "conf.d");
    CHECK(load(absolute).config.devices.at("d").fault.empty());
}

TEST_CASE("a secret that cannot be read is a fault of the device, not an error")
{
    Folder const folder;
    auto const main = folder.write(
        "s.toml", fmt::format("{}password = {{ file = \"nope\" }}\n[targets.t]\ndevice = \"d\"\n", device_d));
    auto const loaded = load(main);
    CHECK(loaded.errors.empty());
    auto const fault = fmt::format(
        "driver bmc: password: cannot read the secret file {}: No such file or directory", folder / "nope");
    CHECK(loaded.config.devices.at("d").fault == fault);
    CHECK(loaded.config.devices.at("d").drivers.size() == 1);
    CHECK(loaded.config.targets.at("t").fault == "device 'd': " + fault);
    CHECK(test::texts(loaded.warnings) == fmt::format("{}:1:10: device 'd': {}\n", main, fault));
}

TEST_CASE("one driver without its secret leaves the others to work")
{
    auto const loaded = parse_config(R"([devices.d]
drivers = ["web", "bmc"]
web = { address = "x", password = { env = "SWITCHYARD_TEST_UNSET" } }
bmc = { address = "x", password = "y" }
)",
        "t.toml", test::drivers);
    CHECK(loaded.errors.empty());
    CHECK(loaded.config.devices.at("d").fault.empty());
    CHECK(test::texts(loaded.warnings)
        == "t.toml:1:10: device 'd': driver web: password: the environment variable SWITCHYARD_TEST_UNSET of "
           "a secret is not "
           "set\n");
}
