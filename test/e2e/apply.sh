# graft apply: extension links attached, detached and replaced at once while packets pass, or not at all.
source "$(dirname "$0")/lib.sh"
bpf=$GRAFT_BUILD/bpf
run() { "$graft" run -- "$@"; }
members() { "$graft" status | grep -o '\[.*\]' | grep -oE 'prog[0-9] = [a-z_]+' | tr '\n' ' '; }
# refused STATUS PATTERN ARGUMENTS...: one line, and nothing has changed.
refused() {
    local expected=$1 pattern=$2 got=0 before after
    shift 2
    before=$(members)$(run find /sys/fs/bpf | sort)
    "$graft" apply "$@" >"$work/out" 2>"$work/err" || got=$?
    check "status of 'apply $*'" "$expected" "$got"
    check "output of 'apply $*'" "" "$(cat "$work/out")"
    check "lines of 'apply $*'" 1 "$(wc -l <"$work/err")"
    matches "'apply $*'" "$pattern" "$(cat "$work/err")"
    after=$(members)$(run find /sys/fs/bpf | sort)
    check "what is attached and pinned after 'apply $*'" "$before" "$after"
}

status 1 "$graft" apply --detach id:1 2>"$work/err"
check "without a kernel" "graft: no graft kernel is running" "$(cat "$work/err")"
[[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "apply started a kernel"

run sh -c 'ip link add veth0 type veth peer name veth1 && ip netns add graft-apply && ip link set veth1 netns graft-apply &&
    ip address add 10.77.3.1/24 dev veth0 && ip link set veth0 up &&
    ip -n graft-apply address add 10.77.3.2/24 dev veth1 && ip -n graft-apply link set veth1 up'
within 20 run ping -c 1 -W 1 10.77.3.2 >/dev/null || fail "no answer to ping"
run xdp-loader load veth0 "$bpf/xdp_pass.bpf.o"
run xdp-loader load veth0 "$bpf/xdp_drop.bpf.o"
check "members" "prog0 = xdp_pass prog1 = xdp_drop " "$(members)"
pins=$(run sh -c 'echo /sys/fs/bpf/xdp/dispatch-*')
dispatcher=$(run bpftool prog | sed -n 's/^\([0-9]*\): xdp .*name xdp_dispatcher .*/id:\1/p')
pass=$pins/prog0-prog drop=$pins/prog1-prog
run ping -c 1 -W 1 10.77.3.2 >/dev/null && fail "ping is answered"

# Changing places while packets pass: one that let a packet through would have had neither in its place.
"$graft" run -- env --default-signal=INT ping -q -i 0.002 -c 100000 -W 1 10.77.3.2 >"$work/ping" 2>&1 &
ping=$!
first=$drop second=$pass
for _ in {1..25}; do
    status 0 "$graft" apply --replace "$pins/prog0-link,$first" --replace "$pins/prog1-link,$second"
    read -r first second <<<"$second $first"
done
check "members after 25 changes" "prog0 = xdp_drop prog1 = xdp_pass " "$(members)"
kill -INT "$ping"
wait "$ping"
matches "packets in between" '[0-9][0-9]+ packets transmitted, 0 received' "$(cat "$work/ping")"

# One that cannot be made stops all: when it is looked at, and when they are made.
refused 1 "^graft: nothing was changed: --replace id:999999,[^ ]*: no link id:999999: No such file or directory$" \
    --replace "$pins/prog0-link,$pass" --replace "id:999999,$drop"
refused 1 "^graft: nothing was changed: an extension is attached to that function of the target: Device or resource busy$" \
    --replace "$pins/prog0-link,$pass" --attach "$drop,$dispatcher,prog1,/sys/fs/bpf/new"
refused 1 "^graft: nothing was changed: --attach [^ ]*: the target has no function 'nonsense'$" --detach "$pins/prog0-link" \
    --attach "$pass,$dispatcher,nonsense,/sys/fs/bpf/new"
refused 1 "^graft: nothing was changed: --attach [^ ]*: cannot pin the link at $pins/prog0-link: File exists$" --detach "$pins/prog0-link" \
    --attach "$pass,$dispatcher,prog0,$pins/prog0-link"
refused 1 "^graft: nothing was changed: --attach [^ ]*: [^ ].*: Invalid argument$" --attach "$pass,$pass,xdp_pass,/sys/fs/bpf/new"
refused 1 "^graft: nothing was changed: --attach [^ ]*: [^ ].*: Invalid argument$" --attach "$dispatcher,$dispatcher,prog2,/sys/fs/bpf/new"
refused 1 "^graft: nothing was changed: --detach $pass: [^ ].*: Invalid argument$" --detach "$pass"
refused 1 "^graft: nothing was changed: --detach /nonexistent: /nonexistent: No such file or directory$" --detach /nonexistent
refused 1 "^graft: nothing was changed: --detach id:x: 'id:x' is no id of a link$" --detach id:x
refused 1 "^graft: nothing was changed: [^ ].*: Invalid argument$" --detach "$pins/prog0-link" --detach "$pins/prog0-link"
# What is not even tried.
refused 2 "^graft: nothing to change: give --attach, --detach or --replace; 'graft apply --help' tells more$"
refused 2 "^graft: --attach takes PROG,TARGET,FUNCTION,PIN or PROG,PIN, not 'a,b,c'$" --attach a,b,c
refused 2 "^graft: --attach takes PROG,TARGET,FUNCTION,PIN or PROG,PIN, not 'a,,c,d'$" --attach a,,c,d
refused 2 "^graft: --replace takes LINK,PROG, not 'a'$" --replace a
refused 2 "^graft: --detach takes LINK, not 'a,b'$" --detach a,b
refused 2 "^graft: unknown option '--bogus'; 'graft apply --help' tells more$" --bogus
refused 2 "^graft: 'extra' is one word too many; 'graft apply --help' tells more$" --detach id:1 extra
matches "help" '--attach PROG,TARGET,FUNCTION,PIN' "$("$graft" apply --help)"

# Detached and attached: each moves to the other's place, and the named pins are those of the new links.
status 0 "$graft" apply --detach "$pins/prog0-link" --detach "$pins/prog1-link" \
    --attach "$pass,$dispatcher,prog0,/sys/fs/bpf/a" --attach "$drop,$dispatcher,prog1,/sys/fs/bpf/b"
check "members that moved" "prog0 = xdp_pass prog1 = xdp_drop " "$(members)"
check "pins" "/sys/fs/bpf/a /sys/fs/bpf/b $pins/prog0-prog $pins/prog1-prog " "$(run find /sys/fs/bpf -type f | sort | tr '\n' ' ')"
run ping -c 1 -W 1 10.77.3.2 >/dev/null && fail "ping is answered"
# By id, from a client's own shell; the pin that is not named stays, a link of nothing.
link=$(run bpftool link show pinned /sys/fs/bpf/b | sed -n 's/^\([0-9]*\):.*/\1/p')
status 0 run "$graft" apply --detach "id:$link"
check "members after a detach" "prog0 = xdp_pass " "$(members)"
check "the pin that was not named" /sys/fs/bpf/b "$(run ls /sys/fs/bpf/b)"
run ping -c 1 -W 2 10.77.3.2 >/dev/null || fail "ping is not answered without xdp_drop"

run rm /sys/fs/bpf/a /sys/fs/bpf/b
run sh -c "ip link set veth0 xdp off; rm -r /sys/fs/bpf/xdp"
nothing_left
run ip link del veth0
run ip netns del graft-apply
