#!/usr/bin/env bash
# Install coding agents' clients into the user's cache, at the versions that thrum was tried with: all, or those named.
#   scripts/install-clients.sh [claude|codex|gemini|opencode|auggie|amp|inspector|conformance]...
# A second run installs nothing. The clients' own homes, logins and settings are not touched.
set -euo pipefail

clients="${THRUM_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/thrum-clients}"
declare -A package=(
  [node22]=node@22.23.3
  [claude]=@anthropic-ai/claude-code@2.1.330
  [codex]=@openai/codex@0.169.0
  [gemini]=@google/gemini-cli@0.61.0
  [opencode]=opencode-ai@1.18.33
  [auggie]=@augmentcode/auggie@0.36.0
  [amp]=@ampcode/cli@0.0.1790142911-g7618fb
  [inspector]=@modelcontextprotocol/inspector@2.12.0
  [conformance]=@modelcontextprotocol/conformance@0.2.0-alpha.12
)
# Each package's own script that puts its binary in place; npm does not run such scripts.
declare -A finish=(
  [claude]=@anthropic-ai/claude-code/install.cjs
  [opencode]=opencode-ai/postinstall.mjs
  [amp]=@ampcode/cli/install.cjs
)

put() { # put NAME: install it completely, at the version above
  local folder="$clients/$1" wanted="${package[$1]}"
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "$wanted" >&2
  local script="${finish[$1]:-}"
  if [ -n "$script" ]; then
    (cd "$folder/node_modules/$(dirname "$script")" && node "$(basename "$script")" >&2)
  fi
  echo "$wanted" >"$folder/installed"
}

[ $# -gt 0 ] || set -- claude codex gemini opencode auggie amp inspector conformance
for name in "$@"; do
  [ -n "${package[$name]:-}" ] || {
    echo "there is no client $name; choose from: ${!package[*]}" >&2
    exit 2
  }
done
put node22 # the clients need a newer node than most machines have
export PATH="$clients/node22/node_modules/.bin:$PATH"
for name in "$@"; do put "$name"; done
