#!/bin/sh
# Let worktrees share one Beads database: write .beads/redirect in each. Running it again changes nothing.
#
#   setup-worktree-beads.sh          every worktree of this repository
#   setup-worktree-beads.sh PATH     one worktree
set -eu

fail() {
    echo "setup-worktree-beads: $1" >&2
    exit 1
}

case ${1:-} in
-h | --help)
    echo "Usage:"
    sed -n '4,5s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
-*) fail "Unknown flag $1; see --help" ;;
esac
[ $# -le 1 ] || fail "one worktree at a time; see --help"

common=$(git rev-parse --path-format=absolute --git-common-dir) || exit 1
main=$(git worktree list --porcelain | sed -n '1s/^worktree //p')
[ -d "$main/.beads" ] || fail "$main has no .beads; run \`bd init\` in it"

setup() {
    if [ "$(cat "$1/.beads/redirect" 2>/dev/null)" = "$main/.beads" ]; then
        echo "  already   $1"
        return
    fi
    mkdir -p "$1/.beads"
    printf '%s\n' "$main/.beads" >"$1/.beads/redirect"
    echo "  set up    $1"
}

if [ $# -eq 1 ]; then
    [ -e "$1/.git" ] || fail "$1 is not a worktree"
    path=$(cd "$1" && pwd)
    [ "$path" != "$main" ] || fail "$path is the main worktree"
    setup "$path"
    exit 0
fi
git worktree list --porcelain | sed -n '2,$s/^worktree //p' | while IFS= read -r tree; do
    case $tree in "$main" | "$common"/*) continue ;; esac
    if [ -d "$tree" ]; then setup "$tree"; fi
done
echo "Done. All worktrees now share Beads from: $main/.beads"
