#!/usr/bin/env bash
# Builds the kernels with GCC's sanitizers and runs the kernel tests on them. Usage: tools/sanitize.sh PYTHON address,undefined|thread
# A finding ends the run with its report and a code other than 0. Python itself is not instrumented, so the sanitizer's
# runtime is loaded before it; of memory that Python never frees nothing is said.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath --no-symlinks "$1")
sanitizers=$2
case $sanitizers in
  address*) runtime=libasan.so ;;
  thread) runtime=libtsan.so ;;
  *) echo "tools/sanitize.sh: expected address,undefined or thread, got $sanitizers" >&2; exit 2 ;;
esac
build=build/sanitize-${sanitizers//,/-}
PATH="$(dirname "$python"):$PATH"

mkdir -p build
cmake -S . -B "$build" -G Ninja -DPython_EXECUTABLE="$python" -DSKBUILD_SABI_COMPONENT= -DUNROLLED_WIDE=ON \
  -DUNROLLED_SANITIZE="$sanitizers" -DCMAKE_CXX_COMPILER=g++ > "$build.log" || { cat "$build.log"; exit 1; }
ninja -C "$build" >> "$build.log" || { cat "$build.log"; exit 1; }
rm -rf "$build/package"
mkdir "$build/package"
cp -r src/unrolled "$build/package/"
rm -f "$build"/package/unrolled/kernels/_native*
cp "$build"/_native* "$build/package/unrolled/kernels/"

LD_PRELOAD="$(g++ -print-file-name=$runtime) $(g++ -print-file-name=libstdc++.so)"
export LD_PRELOAD
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=die_after_fork=0
# OpenBLAS, whose threads are not instrumented, would be reported for what its locks really prevent
export OPENBLAS_NUM_THREADS=1 PYTHONPATH="$PWD/$build/package"
"$python" -m pytest -p no:cacheprovider -p no:xdist -q --capture=sys tests/kernels \
  tests/runtime/test_decoder_step.py tests/runtime/test_steps.py tests/runtime/test_stored_weights.py
