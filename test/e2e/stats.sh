# graft stats: what each member of a chain does is counted while it is on, and a client's BPF_ENABLE_STATS counts as well.
source "$(dirname "$0")/lib.sh"
bpf=$GRAFT_BUILD/bpf
run() { "$graft" run -- "$@"; }
# counter FIELD FUNCTION: of the member that replaces FUNCTION, from `graft status --json`
counter() {
    "$graft" status --json | tr -d '\n ' | grep -oE '"counters":\{"runs":[0-9]+,"time_ns":[0-9]+,"verdicts":\{[^}]*\}\},"function":"'"$2"'"' |
        grep -oE "\"$1\":[0-9]+" | cut -d: -f2
}
traffic() { run ping -c "$1" -i 0.1 -W 1 10.77.2.2 >/dev/null 2>&1; }
# what XDP on veth0 sees of such a ping: its answers
run sh -c 'ip link add veth0 type veth peer name veth1 && ip netns add graft-stats && ip link set veth1 netns graft-stats &&
    sysctl -qw net.ipv6.conf.veth0.disable_ipv6=1 && ip netns exec graft-stats sysctl -qw net.ipv6.conf.veth1.disable_ipv6=1
    ip address add 10.77.2.1/24 dev veth0 && ip link set veth0 up &&
    ip -n graft-stats address add 10.77.2.2/24 dev veth1 && ip -n graft-stats link set veth1 up &&
    ip neigh add 10.77.2.2 lladdr $(ip netns exec graft-stats cat /sys/class/net/veth1/address) dev veth0 &&
    ip -n graft-stats neigh add 10.77.2.1 lladdr $(cat /sys/class/net/veth0/address) dev veth1'
within 20 traffic 1 || fail "no answer to ping"
run xdp-loader load veth0 "$bpf/xdp_pass.bpf.o"
run xdp-loader load veth0 "$bpf/xdp_drop.bpf.o"

# Off: nothing is counted, nothing shown.
traffic 2 && fail "ping is answered"
check "runs while it is off" 0 "$(counter runs prog0)"
"$graft" status | grep -q 'run' && fail "runs are shown: $("$graft" status)"
check "counting" false "$(status_field counting)"

"$graft" stats on || fail "stats on"
"$graft" stats on || fail "stats on again"
check "counting" true "$(status_field counting)"
traffic 3
within 10 eval '[[ $(counter runs prog1) -ge 3 ]]' || fail "not counted: $("$graft" status)"
check "runs" "3 3" "$(counter runs prog0) $(counter runs prog1)"
check "verdicts of the first" "3 0" "$(counter pass prog0) $(counter drop prog0)"
check "verdicts of the second" "0 3" "$(counter pass prog1) $(counter drop prog1)"
[[ $(counter time_ns prog0) -gt 0 ]] || fail "no time"
matches "text" 'xdp_dispatcher \(id [0-9]+, 3 runs of [0-9]+ ns\) \[prog0 = xdp_pass \(id [0-9]+, 3 runs of [0-9]+ ns, 3 pass\), prog1 = xdp_drop \(id [0-9]+, 3 runs of [0-9]+ ns, 3 drop\)\]' \
    "$("$graft" status)"
matches "text" $'\n''counting: ' "$("$graft" status)"

"$graft" stats off || fail "stats off"
"$graft" stats off || fail "stats off again"
traffic 2
check "after off" "3 3" "$(counter runs prog0) $(counter runs prog1)"
check "counting" false "$(status_field counting)"

# A client's own: as long as its descriptor is open.
mkfifo "$work/until"
run "$GRAFT_BIN/graft-probe" statistics <"$work/until" >"$work/counts" &
client=$!
exec 9>"$work/until"
within 20 grep -qs counting "$work/counts" || fail "BPF_ENABLE_STATS"
check "counting" true "$(status_field counting)"
traffic 2
within 10 eval '[[ $(counter runs prog1) -ge 5 ]]' || fail "not counted for a client: $("$graft" status)"
check "with a client's" "5 5" "$(counter runs prog0) $(counter drop prog1)"
exec 9>&-
wait "$client" || fail "the client failed"
check "counting after the client" false "$(status_field counting)"

run xdp-loader unload veth0 --all
nothing_left
run ip link del veth0
run ip netns del graft-stats
