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
"$graft" down
deny unshare -- "$graft" run --private -- bpftool btf 2>/dev/null | grep vmlinux >/dev/null || fail "a private kernel without namespaces"

# With namespaces, but no mounts.
error=$(deny mount -- "$graft" run -- true 2>&1)
check "status without mounts" 0 $?
matches "without mounts" "^graft: mounting is not permitted here" "$error"
"$graft" run -- bpftool btf 2>/dev/null | grep vmlinux >/dev/null || fail "bpf(2) does not work without mounts"
"$graft" down

# Without process_vm_readv: memory is read another way.
deny vm -- "$graft" run -- bpftool btf | grep vmlinux >/dev/null || fail "bpf(2) does not work without process_vm_readv"
