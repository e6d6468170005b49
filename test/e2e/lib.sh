# For the tests of the tool: sourced by each, after which $graft is the tool and its kernel a fresh one of this test's own.
#
# At the end nothing may be left: in a kernel that still runs no program, map, link, BTF and pin; then it is ended, and no process of this
# test may live, and its files, mounts, named network namespaces and interfaces must be gone.  What is only reachable from processes (the
# kernel's own namespaces, and what they hold) goes with the last of them.
#
# test/e2e/run starts a test; it sets GRAFT and GRAFT_BIN.
set -uo pipefail

graft=$GRAFT
export XDG_RUNTIME_DIR
XDG_RUNTIME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/graft-e2e-XXXXXX")
work=$XDG_RUNTIME_DIR/work
mkdir "$work"
failures=0

fail() {
    echo "FAILED: line ${BASH_LINENO[-2]}: $*"
    failures=$((failures + 1))
}
# check WHAT EXPECTED ACTUAL
check() { [[ $2 == "$3" ]] || fail "$1: expected '$2', got '$3'"; }
# matches WHAT PATTERN TEXT: a regular expression
matches() { [[ $3 =~ $2 ]] || fail "$1: expected a match of '$2', got '$3'"; }
# status EXPECTED CMD...
status() {
    local expected=$1 got=0
    shift
    "$@" || got=$?
    [[ $got == "$expected" ]] || fail "exit status of '$*': expected $expected, got $got"
}
# within SECONDS CMD...: until CMD succeeds
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.05
    done
}
# Whether graft may be left without files: the undefined behaviour sanitizer needs two for a check, and takes their absence for a finding.
may_lack_files() { [[ ${GRAFT_SANITIZE-} != *undefined* ]] || { echo "skipped under a sanitizer: $1"; return 1; }; }
# Processes that were started with this test's runtime directory, this shell aside.
left_over() {
    local dir
    for dir in /proc/[0-9]*; do
        [[ ${dir#/proc/} == "$$" || ${dir#/proc/} == "$BASHPID" ]] && continue
        { tr '\0' '\n' <"$dir/environ"; } 2>/dev/null | grep -qxF "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" && echo "${dir#/proc/} $(tr '\0' ' ' 2>/dev/null <"$dir/cmdline")"
    done
    return 0
}
# What of the host's a test must leave as it was.  Others may use the host, too: for a moment it may differ.
host_state() {
    sort /proc/self/mounts | sed 's/^/mount: /'
    ls /run | sed 's/^/in \/run: /'
    ls /run/netns 2>/dev/null | sed 's/^/named network namespace: /'
    ls /sys/class/net | sed 's/^/interface: /'
}
host_before=$(host_state)
host_is_as_before() { [[ $(host_state) == "$host_before" ]]; }

# status_field NAME: of `graft status --json`, the first of that name
status_field() { "$graft" status --json | sed -nE 's/^ *"'"$1"'": "?([^",]*)"?,?$/\1/p' | head -1; }
objects_left() {
    local objects
    objects=$(for kind in programs maps links held_by_clients; do echo "$kind $(status_field "$kind")"; done)
    objects+=" pins $(status_field count)"
    # The one that stays is the kernel's own, vmlinux.
    [[ $(tr '\n' ' ' <<<"$objects") == "programs 0 maps 0 links 0 held_by_clients 0 pins 0 " && $(status_field btfs) == 1 ]] && return 1
    echo "$objects btfs $(status_field btfs)"
}
# Nobody holds an object any more.  Programs go a grace period after their last holder.
nothing_left() {
    local left end=$((SECONDS + 10))
    while left=$(objects_left); do
        ((SECONDS < end)) || { fail "objects are left: ${left//$'\n'/ }"; return; }
        sleep 0.05
    done
}
daemon_descriptors() { ls "/proc/$1/fd" | wc -l; }
daemon_threads() { ls "/proc/$1/task" | wc -l; }

finish() {
    local left end
    if [[ $(status_field running) == true ]]; then nothing_left; fi
    "$graft" down >/dev/null || fail "graft down"
    end=$((SECONDS + 10))
    while left=$(left_over) && [[ $left && $SECONDS -lt $end ]]; do sleep 0.1; done
    [[ -z $left ]] || fail "processes are left: $left"
    [[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "files are left: $(find "$XDG_RUNTIME_DIR/graft")"
    within 10 host_is_as_before || fail "the host is not as before: $(diff <(echo "$host_before") <(host_state))"
    rm -rf "$XDG_RUNTIME_DIR"
    ((failures == 0)) || { echo "$failures failed"; exit 1; }
    exit 0
}
trap 'exit 1' INT TERM
trap finish EXIT
cd "$work" || exit 1
