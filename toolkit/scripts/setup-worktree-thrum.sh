#!/bin/sh
# Let worktrees share one message store: write .thrum/redirect in each. Running it again changes nothing.
#
#   setup-worktree-thrum.sh                          every worktree of this repository
#   setup-worktree-thrum.sh PATH                     one worktree
#   setup-worktree-thrum.sh PATH BRANCH [--identity NAME] [--role ROLE] [--base BASE]
#                                                    create the worktree first, and register an agent in it
set -eu

fail() {
    echo "setup-worktree-thrum: $1" >&2
    exit 1
}

usage() {
    echo "Usage:"
    sed -n '4,7s/^# \{0,1\}//p' "$0"
    exit "$1"
}

path='' branch='' identity='' role=implementer base=HEAD
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage 0 ;;
    --identity | --role | --base)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in --identity) identity=$2 ;; --role) role=$2 ;; --base) base=$2 ;; esac
        shift
        ;;
    -*) fail "Unknown flag $1; see --help" ;;
    *)
        if [ -z "$path" ]; then path=$1; elif [ -z "$branch" ]; then branch=$1; else usage 1 >&2; fi
        ;;
    esac
    shift
done

common=$(git rev-parse --path-format=absolute --git-common-dir) || exit 1
thrum=$(command -v thrum || echo "$common/thrum-sync/bin/thrum") # the launcher that `thrum init` writes
[ -x "$thrum" ] || fail "thrum is not on the PATH"
main=$(git worktree list --porcelain | sed -n '1s/^worktree //p')
[ -f "$common/thrum-sync/var/store.json" ] || [ -f "$main/.thrum/var/store.json" ] ||
    fail "thrum is not set up in $main; run \`thrum init\` in it"

setup() {
    if [ -f "$1/.thrum/redirect" ]; then
        echo "  already   $1"
    else
        (cd "$1" && "$thrum" init --quiet)
        echo "  set up    $1"
    fi
}

if [ -z "$path" ]; then
    git worktree list --porcelain | sed -n '2,$s/^worktree //p' | while IFS= read -r tree; do
        case $tree in "$main" | "$common"/*) continue ;; esac
        if [ -d "$tree" ]; then setup "$tree"; fi
    done
    echo "Done. All worktrees now share Thrum from: $main/.thrum"
    exit 0
fi

if [ -n "$branch" ] && [ ! -e "$path" ]; then
    if git show-ref --verify --quiet "refs/heads/$branch"; then
        git worktree add --quiet "$path" "$branch"
    else
        git worktree add --quiet -b "$branch" "$path" "$base"
    fi
    echo "Worktree created: $path on $branch"
fi
[ -e "$path/.git" ] || fail "$path is not a worktree"
path=$(cd "$path" && pwd)
setup "$path"
if [ -n "$identity" ]; then
    (cd "$path" && "$thrum" quickstart --name "$identity" --role "$role" --module "$(basename "${branch:-$path}")")
fi
