#!/bin/bash
# xdp-loader.sh BUILD - how long Debian's xdp-loader takes on graft and on the host's kernel, in network namespaces of their own, in turns.
#
# "alone" is the same work in both places: one program without libxdp's dispatcher (LIBXDP_SKIP_DISPATCHER=1).  Otherwise libxdp loads its
# dispatcher and tries an extension; a host that refuses extensions makes it fall back to one program alone: then what is compared is less
# work on the host, and the second program, which joins the first on graft, is refused there.  Medians; above 1 x: graft is slower.
# As root: nobody else may load on the host.
set -uo pipefail
programs=/usr/libexec/xdp-tools

# milliseconds NAME CMD...: prints "NAME<tab>MILLISECONDS", or nothing when CMD fails
milliseconds() {
    local name=$1 start=$EPOCHREALTIME
    shift
    "$@" >/dev/null 2>&1 || return 0
    awk -v name="$name" -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%s\t%.2f\n", name, (b - a) * 1000 }'
}
measure() {
    mountpoint -q /sys/fs/bpf && [[ $1 == graft ]] || mount -t bpf bpf /sys/fs/bpf || exit
    ip link add veth0 type veth peer name veth1 && ip link set veth0 up && ip link set veth1 up || exit
    for _ in 1 2 3 4 5; do
        LIBXDP_SKIP_DISPATCHER=1 milliseconds "load, alone" xdp-loader load veth0 "$programs/xdp_pass.o"
        milliseconds "unload, alone" xdp-loader unload veth0 --all
        milliseconds "load" xdp-loader load veth0 "$programs/xdp_pass.o"
        xdp-loader status veth0 | grep -q '=>' && echo "dispatcher"
        milliseconds "load of a second" xdp-loader load veth0 "$programs/xdp_drop.o"
        milliseconds "status" xdp-loader status veth0
        milliseconds "unload of all" xdp-loader unload veth0 --all
    done
}
if [[ ${2-} == measure ]]; then
    measure "$3"
    exit
fi
build=$1
[[ -e $programs/xdp_pass.o ]] || { echo "no $programs: package xdp-tests"; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for _ in 1 2 3 4; do
    "$build/bin/graft" run --private -- "$0" "$build" measure graft >>"$dir/graft" || exit
    ((EUID)) || unshare --net --mount "$0" "$build" measure host >>"$dir/host"
done
touch "$dir/host"
median() { awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$2" | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }
grep -q '^dispatcher$' "$dir/graft" || { echo "graft has no dispatcher: nothing to compare"; exit 1; }
if [[ ! -s $dir/host ]]; then
    echo "the host refuses xdp-loader here"
elif grep -q '^dispatcher$' "$dir/host"; then
    echo "the host has the dispatcher, too: the same work in every line"
else
    echo "the host refuses extensions: the same work in the lines \"alone\" only"
fi
for name in "load, alone" "unload, alone" "load" "load of a second" "status" "unload of all"; do
    on_graft=$(median "$name" "$dir/graft") on_host=$(median "$name" "$dir/host")
    awk -v n="$name" -v g="$on_graft" -v h="${on_host:-0}" 'BEGIN {
        if (h > 0) printf "%s: graft %.1f ms, host %.1f ms: %.2f x\n", n, g, h, g / h; else printf "%s: graft %.1f ms; the host refuses it here\n", n, g }'
done
