# A Go program on cilium/ebpf, static, without libbpf: maps, XDP on a port, one freplace program at two targets.
if [[ ! -x $GRAFT_BIN/graft-cilium ]]; then
    echo "skipped: no Go with cilium/ebpf when graft was built (packages golang-go, golang-github-cilium-ebpf-dev)"
    exit 77
fi
source "$(dirname "$0")/lib.sh"
said=$("$graft" run -- sh -c "ip link add veth0 type veth peer name veth1 && $GRAFT_BIN/graft-cilium $GRAFT_BUILD/bpf veth0; ip link del veth0" 2>&1)
matches "what it says" $'\n''done$' "$said"
