# xdpdump beside a running chain: what enters and what leaves the dispatcher, or one of its members, with the verdict.  It attaches fentry and
# fexit programs, which hand each frame to it through a perf buffer.
for need in xdpdump tshark; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$need" >/dev/null || { echo "skipped: no $need (packages xdp-tools, tshark)"; exit 77; }
done
source "$(dirname "$0")/lib.sh"
bpf=$GRAFT_BUILD/bpf
run() { "$graft" run -- "$@"; }
# dump NAME PROGRAMS OPTIONS...: starts it and waits until it watches that many programs.
dump() {
    local name=$1 programs=$2
    shift 2
    "$graft" run -- xdpdump -i veth0 --rx-capture entry,exit -w "$work/$name.pcapng" "$@" 2>"$work/$name.err" >"$work/$name.out" &
    dumper=$!
    within 20 watches "$programs" || fail "xdpdump attaches nothing: $(cat "$work/$name.err")"
    # Its buffer is opened after its programs are attached, one ring a CPU.
    within 20 reads || fail "xdpdump opens no buffer: $(cat "$work/$name.err")"
}
watches() { [[ $(run bpftool link | grep -c 'attach_type trace_fe') == $((2 * $1)) ]]; }
reads() { [[ $(run ls -l "/proc/$dumper/fd" | grep -c 'memfd:perf-event') -ge $(getconf _NPROCESSORS_ONLN) ]]; }
# end_dump: as by a user's ^C.
end_dump() {
    kill -INT "$dumper"
    wait "$dumper" || fail "xdpdump ended with status $?"
    check "programs after xdpdump" 0 "$(run bpftool prog | grep -c ': tracing ')"
}
# steps NAME SEQUENCE-NUMBER: where xdpdump saw that answer to a ping, in order, with the verdicts
steps() {
    tshark -r "$work/$1.pcapng" -Y "icmp.type == 0 && icmp.seq == $2 && frame.len == 142 && frame.cap_len == 142" \
        -T fields -E separator=/s -e frame.interface_name -e frame.verdict.ebpf_xdp 2>/dev/null | sed -E 's/^veth0://; s/ *$//' | tr '\n' ' '
}

run sh -c 'ip link add veth0 type veth peer name veth1 && ip netns add graft-dump && ip link set veth1 netns graft-dump &&
    ip address add 10.77.1.1/24 dev veth0 && ip link set veth0 up &&
    ip -n graft-dump address add 10.77.1.2/24 dev veth1 && ip -n graft-dump link set veth1 up'
within 20 "$graft" run -- ping -c 1 -W 1 10.77.1.2 >/dev/null || fail "no answer to ping"
run xdp-loader load veth0 "$bpf/xdp_pass.bpf.o"
run xdp-loader load veth0 "$bpf/xdp_pass.bpf.o"
check "members" 2 "$(run xdp-loader status | grep -c '=> .*xdp_pass')"

dump pass 1
run ping -c 5 -i 0.1 -W 2 -s 100 10.77.1.2 >"$work/ping" || fail "no answer to ping beside xdpdump: $(cat "$work/ping")"
end_dump
for sequence in 1 2 3 4 5; do
    check "answer $sequence" "xdp_dispatcher()@fentry xdp_dispatcher()@fexit 2 " "$(steps pass "$sequence")"
done

# A member that drops: those in front of it let the frame pass, the dispatcher leaves with its verdict.
run xdp-loader load veth0 "$bpf/xdp_drop.bpf.o"
run xdp-loader status >"$work/status"
check "chain" "xdp_pass xdp_pass xdp_drop " "$(awk '$1 == "=>" { print $3 }' "$work/status" | tr '\n' ' ')"
first=$(awk '$1 == "=>" { print $4; exit }' "$work/status")
dump drop 3 -p "xdp_dispatcher,xdp_pass@$first,xdp_drop"
run ping -c 3 -i 0.2 -W 1 -s 100 10.77.1.2 >/dev/null && fail "ping is answered"
end_dump
for sequence in 1 2 3; do
    check "dropped answer $sequence" "xdp_dispatcher()@fentry xdp_pass()@fentry xdp_pass()@fexit 2 xdp_drop()@fentry xdp_drop()@fexit 1 xdp_dispatcher()@fexit 1 " \
        "$(steps drop "$sequence")"
done
run xdp-loader unload veth0 --all
nothing_left
run ip link del veth0
run ip netns del graft-dump
