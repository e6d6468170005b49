# Pins: they keep objects from run to run, bpftool lists them, and an object goes with its last name.
source "$(dirname "$0")/lib.sh"
run() { "$graft" run -- "$@"; }
map() { run bpftool map create "$1" type array key 4 value 4 entries 2 name "$2"; }
maps() { run bpftool map | grep -c '^[0-9]*: array'; }
pinned() { run bpftool -f map | sed -n 's/^\tpinned //p'; }

map /sys/fs/bpf/one first
check "listed" /sys/fs/bpf/one "$(pinned)"
matches "shown" 'array +name first ' "$(run bpftool map show pinned /sys/fs/bpf/one)"
run bpftool map update pinned /sys/fs/bpf/one key 1 0 0 0 value 1 2 3 4
matches "kept" 'value: 01 02 03 04' "$(run bpftool map dump pinned /sys/fs/bpf/one)"
check "only for this kernel" "" "$("$graft" run --private -- bpftool map)"

# Names: a second one, another directory, the last one.
run mkdir /sys/fs/bpf/dir
run ln /sys/fs/bpf/one /sys/fs/bpf/dir/two
run rm /sys/fs/bpf/one
check "under its other name" /sys/fs/bpf/dir/two "$(pinned)"
run rmdir /sys/fs/bpf/dir 2>/dev/null && fail "a directory that is not empty was removed"
run rm -r /sys/fs/bpf/dir
check "after the last name" 0 "$(maps)"

# Unlinked and looked for in the same process, without a pause.
run sh -c 'for i in 1 2 3 4 5 6 7 8 9; do
    bpftool map create /sys/fs/bpf/x type hash key 4 value 4 entries 2 name x
    rm /sys/fs/bpf/x
    bpftool map
done' >"$work/out"
check "objects after unlink" "" "$(cat "$work/out")"

# Refusals, in bpftool's words.
map /sys/fs/bpf/one first
matches "a name that is taken" 'File exists' "$(map /sys/fs/bpf/one second 2>&1)"
run touch /sys/fs/bpf/file
matches "not a pin" 'Permission denied' "$(run bpftool map show pinned /sys/fs/bpf/file 2>&1)"

# Elsewhere bpftool mounts a bpffs first, in graft alone.
mkdir "$work/elsewhere"
map "$work/elsewhere/m" elsewhere
check "elsewhere, inside" m "$(run ls "$work/elsewhere")"
check "elsewhere, outside" "" "$(ls "$work/elsewhere")"
run umount "$work/elsewhere"
matches "no such pin" 'No such file' "$(run bpftool map show pinned /sys/fs/bpf/none 2>&1)"
check "maps after refusals" 1 "$(maps)"

# Programs, and a directory of maps.
run bpftool prog load "$GRAFT_BUILD/bpf/xdp_pass.bpf.o" /sys/fs/bpf/pass 2>/dev/null
matches "a program" 'xdp +name xdp_pass' "$(run bpftool -f prog)"
run rm /sys/fs/bpf/pass
check "programs" "" "$(run bpftool prog)"

# A bpffs of a network namespace's own: its pins are other pins, and go when it is unmounted.
run ip netns add graft-pins
run ip netns exec graft-pins sh -c '
    mount -t bpf bpf /sys/fs/bpf
    bpftool map create /sys/fs/bpf/inner type array key 4 value 4 entries 1 name inner
    ls /sys/fs/bpf; bpftool map | grep -c array
    umount /sys/fs/bpf
    bpftool map | grep -c array' >"$work/out"
check "in the namespace" "inner 2 1" "$(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
run ip netns del graft-pins

"$graft" down
check "after down" "" "$(run bpftool map)"
