# graft status and graft port list: the ports, what is attached to each end, and the members of a chain in order.
source "$(dirname "$0")/lib.sh"
bpf=$GRAFT_BUILD/bpf

check "ports without a kernel" "no graft kernel is running" "$("$graft" port list)"
check "JSON of ports without a kernel" "[]" "$("$graft" port list --json)"
"$graft" run -- sh -c 'ip link add veth0 type veth peer name veth1 && ip link set veth0 up && ip link set veth1 up'
within 10 sh -c "'$graft' status | grep -q '  veth0 (interface [0-9]*): up, nothing attached'" || fail "no port: $("$graft" status)"

"$graft" run -- xdp-loader load veth0 "$bpf/xdp_drop.bpf.o"
matches "one program" 'veth0 [^'$'\n'']*native XDP: xdp_dispatcher \(id [0-9]+\) \[[a-z0-9_]+ = xdp_drop \(id [0-9]+\)\]' "$("$graft" status)"
"$graft" run -- xdp-loader load veth0 "$bpf/xdp_pass.bpf.o"
matches "two programs" '\[prog0 = xdp_pass \(id [0-9]+\), prog1 = xdp_drop \(id [0-9]+\)\]' "$("$graft" status)"
matches "the other end" 'veth1 [^'$'\n'']*nothing attached' "$("$graft" status)"
"$graft" run -- ping -c 2 -i 0.2 -W 1 -I veth1 10.99.0.1 >/dev/null 2>&1    # nothing is there; frames are sent all the same
drops() { "$graft" port list | grep -qE '^  veth0: [0-9]+ frames came in, [0-9]+ drop'; }
within 20 drops || fail "no drops are counted: $("$graft" port list)"
"$graft" status --json | grep -q '"function": "prog1"' || fail "the chain is not in JSON"

# What is no port is said, at the attachment and in the status.
error=$("$graft" run -- xdp-loader load -m skb lo "$bpf/xdp_pass.bpf.o" 2>&1)
check "attached to lo" "graft: lo is no port of graft's: no packets pass through the XDP program on it" "$error"
matches "lo in the status" 'no port, no packets pass: lo \(interface 1\): generic XDP: ' "$("$graft" status)"

"$graft" run -- xdp-loader unload veth0 --all
"$graft" run -- xdp-loader unload lo --all
nothing_left
"$graft" run -- ip link del veth0
check "ports at the end" "" "$("$graft" port list)"

# A status of any length, with names of any bytes: two hundred clients whose names take six characters a byte in JSON.
name=$(printf '\001%.0s' {1..250})
mkdir "$work/bin"
ln -s "$(command -v sleep)" "$work/bin/$name"
sleepers=()
for _ in {1..200}; do
    PATH=$work/bin:$PATH "$graft" run -- "$name" 60 &
    sleepers+=($!)
done
all_listed() { [[ $("$graft" status --json | grep -c '"command": "\\u0001') -eq 200 ]]; }
within 60 all_listed || fail "of 200 clients the status lists $("$graft" status --json | grep -c '"command"')"
kill "${sleepers[@]}"
wait "${sleepers[@]}"
