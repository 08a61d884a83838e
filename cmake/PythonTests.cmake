# switchyard_python_test(FILE LABEL TIMEOUT [PROPERTIES...])  makes a test of a Python program that exits 0 when it passes.
# It finds in its environment SWITCHYARD_BIN (the folder of switchyardd and pduclient), SWITCHYARD_TREE_BIN (the programs of this
# build tree), SWITCHYARD_SHIMS (the libraries of tests/support/faults), and tests/ and tests/support/ on its PYTHONPATH.
#
# Debian's interpreter, not the first on the path: python3-zmq belongs to it.
set(SWITCHYARD_PROGRAMS ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} CACHE PATH "The programs that tests/peers and tests/e2e run")
set(SWITCHYARD_SHIMS ${CMAKE_BINARY_DIR}/faults)

function(switchyard_python_test file label timeout)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "^test_" "" name ${name})
    string(REPLACE "_" " " name ${name})
    get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    set(test "${folder}: ${name}")
    add_test(NAME ${test} COMMAND /usr/bin/python3 -B ${file})
    set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${timeout}
        ENVIRONMENT "SWITCHYARD_BIN=${SWITCHYARD_PROGRAMS};SWITCHYARD_TREE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};SWITCHYARD_SHIMS=${SWITCHYARD_SHIMS};PYTHONPATH=${PROJECT_SOURCE_DIR}/tests:${PROJECT_SOURCE_DIR}/tests/support"
        ${ARGN})
endfunction()
