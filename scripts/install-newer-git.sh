#!/usr/bin/env bash
# Unpack a newer git (Debian 13's, 2.47) beside the machine's own: with its own C library and loader, so that it runs on
# any older Debian or Ubuntu. It makes repositories with reftable, which tests then open. Prints the path of the git.
#   scripts/install-newer-git.sh
# Nothing is installed in the system, and no root is needed. A second run downloads nothing.
set -euo pipefail

suite=trixie
place="${THRUM_NEWER_GIT:-${XDG_CACHE_HOME:-$HOME/.cache}/thrum-newer-git}"
packages=(git libc6 libpcre2-8-0 zlib1g)

if [ -x "$place/bin/git" ] && [ "$(cat "$place/installed" 2>/dev/null)" = "$suite 2 ${packages[*]}" ]; then
  echo "$place/bin/git"
  exit
fi
command -v apt-get dpkg-deb >/dev/null || {
  echo "a newer git is unpacked from Debian's packages, which needs apt-get and dpkg-deb" >&2
  exit 1
}

rm -rf "$place"
mkdir -p "$place"/{apt/{lists/partial,archives/partial,etc},files,bin}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror="$(apt-get indextargets --format '$(SITE)' | grep -m 1 '/debian$')" || {
  echo "a newer git comes from a mirror of Debian, and apt knows none" >&2
  exit 1
}
echo "deb [signed-by=$keys] $mirror $suite main" >"$place/apt/etc/sources.list"
apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$place/apt/etc/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$place/apt/lists" -o Dir::Cache="$place/apt" -o Acquire::Languages=none \
    -o APT::Sandbox::User= -o APT::Get::List-Cleanup=0 "$@" >&2
}
apt update
(cd "$place/apt/archives" && apt download "${packages[@]}")
for package in "$place"/apt/archives/*.deb; do dpkg-deb -x "$package" "$place/files"; done

# A relative path for each thing that git looks for, and the loader of the newer C library in front.
loader="$(find "$place/files" -name 'ld-linux*' | head -1)"
libraries="$(dirname "$(find "$place/files" -name 'libc.so.6' | head -1)")"
cat >"$place/bin/git" <<END
#!/bin/sh
export GIT_EXEC_PATH='$place/exec' GIT_TEMPLATE_DIR='$place/files/usr/share/git-core/templates'
exec '$loader' --argv0 git --library-path '$libraries' '$place/files/usr/bin/git' "\$@"
END
chmod +x "$place/bin/git"
mkdir -p "$place/exec"
ln -sf "$place/bin/git" "$place/exec/git"
for command in upload-pack receive-pack; do # what a fetch and a push of a path start
  printf '#!/bin/sh\nexec %q %s "$@"\n' "$place/bin/git" "$command" >"$place/exec/git-$command"
  chmod +x "$place/exec/git-$command"
done
for script in "$place"/files/usr/lib/git-core/git-{sh-setup,submodule,sh-i18n}; do ln -sf "$script" "$place/exec/"; done
rm -rf "$place/apt"
"$place/bin/git" init -q --ref-format=reftable "$place/try"
"$place/bin/git" clone -q "$place/try" "$place/try/clone"
rm -rf "$place/try"
echo "$suite 2 ${packages[*]}" >"$place/installed"
echo "$place/bin/git"
