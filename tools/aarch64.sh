#!/usr/bin/env bash
# Builds the kernels for aarch64 on another machine and runs the kernel tests in emulation. Usage: tools/aarch64.sh PYTHON
# For Debian 12 and later, with the packages g++-aarch64-linux-gnu and qemu-user-static; PYTHON has CMake, ninja and
# nanobind, and is a 3.11 as Debian's is. Everything lands in build/aarch64; the system is left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath --no-symlinks "$1")
PATH="$(dirname "$python"):$PATH"
here=$PWD/build/aarch64
version=3.11

for tool in aarch64-linux-gnu-g++ qemu-aarch64-static apt-get; do
  command -v $tool > /dev/null || {
    echo "tools/aarch64.sh needs $tool: apt install g++-aarch64-linux-gnu qemu-user-static" >&2; exit 1; }
done
[ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = $version ] || {
  echo "tools/aarch64.sh needs a Python $version to compile against, $1 is another" >&2; exit 1; }

# An aarch64 Python from the distribution, by a package index and a status file of its own.
if [ ! -x "$here/root/usr/bin/python$version" ]; then
  echo 'Fetching Python for aarch64'
  apt=$here/apt
  mkdir -p "$here/root" "$apt/lists/partial" "$apt/archives/partial"
  : > "$apt/status"
  get() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$apt" \
      -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
      -o Debug::NoLocking=1 "$@"
  }
  get update
  get install --yes --download-only --no-install-recommends python$version libstdc++6
  for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$here/root"; done
fi
if [ ! -d "$here/site" ]; then
  echo 'Fetching the packages that the tests need'
  platforms=(--platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64)
  "$python" -m pip install --disable-pip-version-check --quiet --target "$here/site" "${platforms[@]}" \
    --python-version $version --only-binary=:all: --constraint constraints.txt \
    numpy safetensors msgspec pytest hypothesis mpmath
fi

echo 'Building'
cat > "$here/toolchain.cmake" <<'CMAKE'
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
CMAKE
{
  cmake -S . -B "$here/native" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$here/toolchain.cmake" \
    -DPython_EXECUTABLE="$python" -DSKBUILD_SABI_COMPONENT=
  ninja -C "$here/native"
} > "$here/build.log" 2>&1 || { tail -n 40 "$here/build.log"; exit 1; }
rm -rf "$here/package"
mkdir "$here/package"
cp -r src/unrolled "$here/package/"
rm -f "$here"/package/unrolled/kernels/_native*
cp "$here"/native/_native*.so "$here/package/unrolled/kernels/_native.so"

# Second processes would need the kernel's help to be emulated; tests that start one are left out.
qemu-aarch64-static -L "$here/root" -E PYTHONPATH="$here/package:$here/site" "$here/root/usr/bin/python$version" \
  -m pytest -p no:cacheprovider -q -m 'not starts_python' tests/kernels
