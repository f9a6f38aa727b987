#!/bin/sh
# Checks that this machine can build unrolled, and says in one sentence what to install if it cannot.
# usage: tools/preflight.sh PYTHON
python=${1:-python3}

refuse() {
    echo "$1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    refuse "unrolled needs Python 3.10 or newer, and there is no '$python' here: install it (Debian, Ubuntu: apt install python3 python3-venv python3-dev) or name one with 'make PYTHON=/path/to/python3'."

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    refuse "unrolled needs Python 3.10 or newer, and '$python' is $("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null || echo broken): name a newer one with 'make PYTHON=/path/to/python3'."

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    refuse "'$python' cannot make virtual environments because its venv module is missing or incomplete: install it (Debian, Ubuntu: apt install python3-venv)."

"$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    refuse "The C headers of '$python' are missing, and the kernels are compiled against them: install them (Debian, Ubuntu: apt install python3-dev)."

# The order in which CMake looks for a compiler too.
for compiler in ${CXX:-c++ g++ clang++}; do
    found=$(command -v "$compiler" 2>/dev/null) && break
done
[ -n "$found" ] ||
    refuse "unrolled compiles its kernels, and there is no C++ compiler here (looked for: ${CXX:-c++, g++, clang++}): install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install)."

printf '#include <atomic>\n#include <concepts>\n#include <span>\nvoid wait(std::atomic<int>& a) { a.wait(0); }\n' |
    "$found" -std=c++20 -x c++ -fsyntax-only - >/dev/null 2>&1 ||
    refuse "unrolled needs a C++20 compiler, and '$found' does not compile C++20: install GCC 11 or Clang 14 or newer, or name one with 'CXX=/path/to/g++ make'."
