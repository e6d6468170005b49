# What a client finds around it: the bpffs, the vmlinux BTF, network namespaces of its own.
source "$(dirname "$0")/lib.sh"

inside=$("$graft" run -- sh -c '
    echo "type $(stat -f -c %t /sys/fs/bpf)"
    grep "^bpf /sys/fs/bpf bpf " /proc/mounts
    head -c 2 /sys/kernel/btf/vmlinux | od -An -tx1
    ls -A /sys/fs/bpf')
matches "the bpffs's type" 'type cafe4a11' "$inside"
matches "its mount" 'bpf /sys/fs/bpf bpf ' "$inside"
matches "vmlinux BTF" '9f eb' "$inside"
"$graft" run -- bpftool btf dump file /sys/kernel/btf/vmlinux | grep "STRUCT 'xdp_md'" >/dev/null || fail "bpftool does not read the vmlinux BTF"

# Directories in it survive from run to run.
"$graft" run -- mkdir /sys/fs/bpf/dir
check "a directory" dir "$("$graft" run -- ls /sys/fs/bpf)"
check "not in a private kernel" "" "$("$graft" run --private -- ls /sys/fs/bpf)"
"$graft" run -- rmdir /sys/fs/bpf/dir

# A /run of its own, also where the host has a /run/netns.
"$graft" run -- touch /run/e2e
check "a file in /run" /run/e2e "$("$graft" run -- ls /run/e2e)"
[[ ! -e /run/e2e ]] || fail "a client's file in /run is seen outside"
privileged=(unshare --mount)
[[ $EUID -eq 0 ]] || privileged+=(--user --map-root-user)
outside=$("${privileged[@]}" sh -c 'mount -t tmpfs run /run && mkdir /run/netns && touch /run/host || exit
    "$0" run --private -- sh -c "ls /run/host && touch /run/e2e" && ls -A /run' "$graft")
check "/run beside a /run/netns of the host's" "/run/host host netns " "$(tr '\n' ' ' <<<"$outside")"

# Network namespaces have names of graft's own, from run to run.
"$graft" run -- ip netns add graft-e2e
check "namespaces" graft-e2e "$("$graft" run -- ip netns list | cut -d' ' -f1)"
[[ ! -e /run/netns/graft-e2e ]] || fail "the namespace is seen outside"
"$graft" run -- ip netns exec graft-e2e ip link set lo up
"$graft" run -- ip -n graft-e2e -br link | grep LOWER_UP >/dev/null || fail "lo in the namespace is down"

# ip netns exec mounts a fresh /sys; a bpffs mounted there is one, another than the first, and goes with its mount.
inside=$("$graft" run -- ip netns exec graft-e2e sh -c '
    stat -f -c %t /sys/fs/bpf
    mount -t bpf bpf /sys/fs/bpf && stat -f -c %t /sys/fs/bpf
    mkdir /sys/fs/bpf/inner && ls /sys/fs/bpf
    umount /sys/fs/bpf')
matches "a bpffs in ip netns exec" 'cafe4a11'$'\n''inner$' "$inside"
check "the first bpffs" "" "$("$graft" run -- ls /sys/fs/bpf)"
"$graft" run -- ip netns del graft-e2e

# What a client mounts shows in /proc/mounts.
"$graft" run -- sh -c "mkdir $work/m && mount -t bpf bpf $work/m"
within 20 sh -c "'$graft' run -- grep -q '^bpf $work/m bpf ' /proc/mounts" || fail "a mounted bpffs is not in /proc/mounts"
check "outside" "" "$(grep "$work/m" /proc/self/mounts)"
