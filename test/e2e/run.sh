# graft run: the command's status, streams, signals and directory are its own.
source "$(dirname "$0")/lib.sh"

for private in '' --private; do
    run() { "$graft" run $private "$@"; }
    status 0 run -- true
    status 7 run -- sh -c 'exit 7'
    status 127 run -- /nonexistent 2>"$work/err"
    matches "what does not exist" '^graft: /nonexistent: No such file or directory$' "$(cat "$work/err")"
    status 126 run -- "$work" 2>/dev/null
    check "streams" "in out err" "$(echo in | run -- sh -c 'cat | tr "\n" " "; printf "out "; echo err >&2' 2>&1)"
    check "arguments" "a -b  c --private" "$(run -- echo a -b ' c' --private)"
    check "directory" "$work" "$(run -- pwd)"
    check "root" "0 0" "$(run -- sh -c 'echo $(id -u) $(id -g)')"
    check "PATH" "/usr/bin:/bin:/usr/sbin:/sbin" "$(PATH=/usr/bin:/bin "$graft" run $private -- sh -c 'echo $PATH')"
    check "PATH that has all" "/sbin:/usr/bin:/bin:/usr/sbin" "$(PATH=/sbin:/usr/bin:/bin:/usr/sbin "$graft" run $private -- sh -c 'echo $PATH')"
    check "environment" "value" "$(VARIABLE=value run -- sh -c 'echo $VARIABLE')"

    # A signal to graft is a signal to the command.
    "$graft" run $private -- sh -c "trap 'exit 42' TERM; echo ready >$work/ready; while :; do sleep 0.1; done" &
    within 20 test -s "$work/ready" || fail "the command did not start"
    kill -TERM $!
    wait $!
    check "status after TERM" 42 $?
    rm "$work/ready"
    run -- sh -c 'kill -KILL $$'
    check "status when killed" 137 $?
done

# Its own network by default, with lo up; the host's when asked for.
check "interfaces" "lo" "$("$graft" run -- ls /sys/class/net)"
"$graft" run -- ip -br link show lo | grep LOWER_UP >/dev/null || fail "lo is down"
check "the host's network" "$(readlink /proc/self/ns/net)" "$("$graft" run --net host -- readlink /proc/self/ns/net)"
check "the host's interfaces" "$(ls /sys/class/net)" "$("$graft" run --net host -- ls /sys/class/net)"
check "bpffs and BTF in the host's network" "cafe4a11 $("$graft" run -- stat -c %s /sys/kernel/btf/vmlinux)" \
    "$("$graft" run --net host -- sh -c 'echo $(stat -f -c %t /sys/fs/bpf) $(stat -c %s /sys/kernel/btf/vmlinux)')"
"$graft" run --net host -- bpftool map create /sys/fs/bpf/host type array key 4 value 4 entries 1 name host
check "a pin of the host's network" host "$("$graft" run -- ls /sys/fs/bpf)"
"$graft" run -- rm /sys/fs/bpf/host
[[ $(readlink /proc/self/ns/net) != "$("$graft" run -- readlink /proc/self/ns/net)" ]] || fail "the network is the host's"

# What goes wrong says so, in one line.
error=$("$graft" run -- "$graft" run --private -- true 2>&1)
check "status of a run in a run" 125 $?
matches "run in a run" '^graft: this process is on graft already, .*: run true as it is$' "$error"
check "one line" 1 "$(wc -l <<<"$error")"
status 0 "$graft" run --private -- true
mkdir "$work/gone"
(cd "$work/gone" && rmdir "$work/gone" && "$graft" run -- true) 2>"$work/err"
check "status without a directory" 125 $?
matches "without a directory" 'working directory' "$(cat "$work/err")"
