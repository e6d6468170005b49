# graft up, status, down: one kernel a user, however many ask for it, and nothing when it is gone.
source "$(dirname "$0")/lib.sh"
probe=$GRAFT_BIN/graft-probe

field() { status_field "$@"; }

matches "status without a kernel" 'no graft kernel is running' "$("$graft" status)"
check "JSON without a kernel" '{"running":false}' "$("$graft" status --json)"
[[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "status made files"
check "up" started "$("$graft" up)"
check "up again" "already running" "$("$graft" up)"
check "mode of the directory" 700 "$(stat -c %a "$XDG_RUNTIME_DIR/graft")"
first=$(field pid)
check "running" true "$(field running)"
"$graft" run -- true
check "the same kernel" "$first" "$(field pid)"
matches "seen by a client, who has no such variable and may have another uid" "process $first"$'\n' "$("$graft" run -- env -u XDG_RUNTIME_DIR "$graft" status)"
"$graft" down
[[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "down left files"
grep -qs '^State:.*Z' "/proc/$first/status" || [[ ! -d /proc/$first ]] || fail "down returned before the kernel's end"
check "down without a kernel" "no graft kernel is running" "$("$graft" down)"

# Many at once start one.
pids=()
for _ in 1 2 3 4 5 6 7 8; do
    "$graft" run -- true &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of many runs"; done
processes=$(left_over)
check "kernels" 1 "$(grep -c ' graft daemon ' <<<"$processes")"

# A client is listed while it runs; after down its calls are ENOSYS.
"$graft" run -- sh -c "echo ready >$work/ready; while [ ! -e $work/go ]; do sleep 0.05; done; exec $probe enosys" &
client=$!
within 20 test -s "$work/ready" || fail "the client did not start"
"$graft" status | grep -q "client: process $client, sh" || fail "the client is not listed: $("$graft" status)"
"$graft" down
touch "$work/go"
wait $client
check "status of a client that outlives the kernel" 0 $?

# A client may end its kernel; then it has none, and cannot have another.
output=$("$graft" run -- sh -c "'$graft' down && '$graft' up" 2>&1)
check "a client without its kernel" "graft: this process was a client of a kernel that has ended, and can start none: run graft outside of it" "$output"
[[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "a client without its kernel made files"

# Its interfaces go although the client lives on in their namespaces.
"$graft" run -- sh -c "ip netns add graft-down && ip link add veth0 type veth peer name veth1 && ip link set veth1 netns graft-down &&
    ls /sys/class/net >$work/before; echo ready >$work/ready2; while [ ! -e $work/go2 ]; do sleep 0.05; done
    for i in \$(seq 200); do [ -e /sys/class/net/veth0 ] || break; sleep 0.05; done
    ls /sys/class/net >$work/after; exec $probe enosys" &
client=$!
within 20 test -s "$work/ready2" || fail "the client with interfaces did not start"
check "interfaces before" "lo veth0 " "$(tr '\n' ' ' <"$work/before")"
"$graft" down
touch "$work/go2"
wait $client
check "status of a client whose interfaces went" 0 $?
check "interfaces after" lo "$(cat "$work/after")"

# A kernel that was killed leaves a socket on which nobody listens; the next one takes its place.
"$graft" up >/dev/null
kill -KILL "$(field pid)"
status 0 within 20 "$graft" run -- true
check "after a kill" true "$(field running)"
kill -KILL "$(field pid)"
matches "status after a kill" '^no graft kernel is running$' "$("$graft" status 2>&1)"
within 20 eval '[[ $("$graft" down) == "no graft kernel is running" ]]'
[[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "down left what a killed kernel had left: $(find "$XDG_RUNTIME_DIR/graft")"

# Up and down at the same time: whoever runs has a kernel.
for _ in 1 2 3 4 5; do
    "$graft" down >/dev/null &
    status 0 "$graft" run -- true
    wait
done

# A private kernel ends with its command, and with a starter that is killed.
"$graft" run --private -- sh -c "echo ready >$work/private; exec sleep 60" &
within 20 test -s "$work/private" || fail "sleep did not start"
kill -KILL $!
wait $! 2>/dev/null
no_private() { ! grep -q -- --control <<<"$(left_over)"; }
within 20 no_private || fail "a private kernel is left"
processes=$(left_over)
while read -r pid command; do [[ $command != sleep* ]] || kill "$pid"; done <<<"$processes"

# Somebody else's directory is refused.
if [[ $EUID -eq 0 ]]; then
    mkdir -m 700 "$work/other" && mkdir -m 700 "$work/other/graft" && chown nobody "$work/other/graft"
    error=$(XDG_RUNTIME_DIR=$work/other "$graft" run -- true 2>&1)
    check "status with another's directory" 125 $?
    matches "another's directory" "another user's" "$error"
    # Even root's kernel is not for others, and a user's not for root.
    "$graft" up >/dev/null
    chmod 711 "$XDG_RUNTIME_DIR" && chmod 755 "$XDG_RUNTIME_DIR/graft" && chmod 666 "$XDG_RUNTIME_DIR/graft/socket"
    error=$(setpriv --reuid=nobody --clear-groups "$graft" status 2>&1)
    status 1 setpriv --reuid=nobody --clear-groups "$graft" status 2>/dev/null
    chmod 700 "$XDG_RUNTIME_DIR/graft"
fi
