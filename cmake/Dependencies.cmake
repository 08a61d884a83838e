# Everything outside the tree, from Debian 12. scripts/setup lists the packages.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81.0 EXACT CONFIG REQUIRED COMPONENTS json url system)
find_package(fmt REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(cxxopts REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzmq REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)

# Asio and Beast are compiled once per build tree instead of once per file that uses them.
add_library(switchyard_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/boost_asio.cpp)
target_compile_definitions(switchyard_asio PUBLIC
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_link_libraries(switchyard_asio PUBLIC Boost::headers Boost::system Threads::Threads)
add_library(switchyard::asio ALIAS switchyard_asio)

add_library(switchyard_beast STATIC ${CMAKE_CURRENT_LIST_DIR}/boost_beast.cpp)
target_compile_definitions(switchyard_beast PUBLIC BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(switchyard_beast PUBLIC switchyard_asio)
add_library(switchyard::beast ALIAS switchyard_beast)
