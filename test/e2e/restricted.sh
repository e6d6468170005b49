# Where the host allows less: bpf(2) works all the same, and what does not work is said.
source "$(dirname "$0")/lib.sh"
deny() { "$GRAFT_BIN/graft-deny" "$@"; }

# Without namespaces.
error=$(deny unshare -- "$graft" run -- true 2>&1)
check "status without namespaces" 0 $?
matches "without namespaces" "^graft: no user namespaces here[^"$'\n'"]*pins go to $XDG_RUNTIME_DIR/graft/bpf" "$error"
check "the network is the host's" "$(readlink /proc/self/ns/net)" "$("$graft" run -- readlink /proc/self/ns/net 2>/dev/null)"
check "the type of the directory for pins" cafe4a11 "$("$graft" run -- stat -f -c %t "$XDG_RUNTIME_DIR/graft/bpf" 2>/dev/null)"
"$graft" status | grep -q '^missing: no user namespaces here' || fail "status does not say what is missing"
"$graft" run -- bpftool btf 2>/dev/null | grep vmlinux >/dev/null || fail "bpf(2) does not work without namespaces"
"$graft" down
pins=$XDG_RUNTIME_DIR/graft/bpf
deny unshare -- "$graft" run -- bpftool map create "$pins/m" type array key 4 value 4 entries 1 name m 2>/dev/null
matches "a pin without namespaces" "name m" "$("$graft" run -- bpftool map show pinned "$pins/m" 2>/dev/null)"
check "where libxdp is to pin" "$pins" "$("$graft" run -- sh -c 'echo $LIBXDP_BPFFS' 2>/dev/null)"
rm "$pins/m"
check "after rm" "" "$("$graft" run -- bpftool map 2>/dev/null)"
# The pins of a kernel that was killed are not the next one's.
"$graft" run -- bpftool map create "$pins/m" type array key 4 value 4 entries 1 name m 2>/dev/null
kill -KILL "$(status_field pid)"
within 20 deny unshare -- "$graft" run -- true 2>/dev/null
check "pins after a kill" "0 " "$(status_field count) $(ls "$pins")"
"$graft" down
# A long path arrives whole.
long=$XDG_RUNTIME_DIR/$(printf 'x%.0s' {1..200})/$(printf 'y%.0s' {1..200})
mkdir -p "$long"
check "a long path for pins" "$long/graft/bpf" "$(XDG_RUNTIME_DIR=$long deny unshare -- "$graft" run -- sh -c 'echo $LIBXDP_BPFFS' 2>/dev/null)"
XDG_RUNTIME_DIR=$long "$graft" down
deny unshare -- "$graft" run --private -- bpftool btf 2>/dev/null | grep vmlinux >/dev/null || fail "a private kernel without namespaces"

# With namespaces, but no mounts.
error=$(deny mount -- "$graft" run -- true 2>&1)
check "status without mounts" 0 $?
matches "without mounts" "^graft: mounting is not permitted here" "$error"
"$graft" run -- bpftool btf 2>/dev/null | grep vmlinux >/dev/null || fail "bpf(2) does not work without mounts"
"$graft" down

# Without process_vm_readv: memory is read another way.
deny vm -- "$graft" run -- bpftool btf | grep vmlinux >/dev/null || fail "bpf(2) does not work without process_vm_readv"
"$graft" down

# What cannot be done without: one line, 125, and nothing runs.
refused() {    # PATTERN DENIED...
    local pattern=$1 error got=0
    shift
    error=$(deny "$@" -- "$graft" run -- touch "$work/ran" 2>&1) || got=$?
    check "status without $*" 125 "$got"
    check "lines without $*" 1 "$(wc -l <<<"$error")"
    matches "without $*" "$pattern" "$error"
    [[ ! -e $work/ran ]] || fail "the command ran without $*"
    "$graft" down >/dev/null
}
refused '^graft: seccomp is not permitted here: allow seccomp\(2\) in the container.s profile' seccomp
refused '^graft: this host.s kernel has no seccomp user notification: Linux 5\.[0-9]+ or later' notify
refused '^graft: bpf\(2\) is refused by a seccomp profile here before graft sees it: allow bpf\(2\)' bpf

# A container's defaults, but for bpf(2): no namespaces, no mounts.
error=$(deny unshare setns mount -- "$graft" run -- "$GRAFT_BIN/graft-probe" map lookup threads fork 2>&1)
check "status in a container" 0 $?
matches "in a container" '^graft: no user namespaces here' "$error"
"$graft" down

# The user's namespaces are used up, or forbidden by the administrator.
if unshare --user --map-root-user true 2>/dev/null; then
    error=$(unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"' sh \
        "$graft" run -- "$GRAFT_BIN/graft-probe" map lookup 2>&1)
    check "status without a user namespace to be had" 0 $?
    matches "without a user namespace to be had" '^graft: no user namespaces here' "$error"
    "$graft" down
fi
