# xdp-tools' own tests (Debian's package xdp-tests) of xdp-loader, xdp-filter and xdpdump, unchanged, on graft.  Each runs on a kernel of its
# own, several at a time, since they mostly sleep.  Their two Python tests skip themselves without a harness that Debian does not have.
#
# Left out of xdpdump's: test_promiscuous_*, which look for a line of the host's kernel log in the words of older kernels, and
# test_perf_wakeup, which floods for so many seconds and no more.
suite=/usr/libexec/xdp-tools
for need in "$suite/test_runner.sh" /usr/bin/tshark /usr/bin/tcpdump /usr/bin/nc /usr/sbin/ethtool; do
    [[ -x $need ]] || command -v "${need##*/}" >/dev/null || { echo "skipped: no $need (packages xdp-tests, tshark, tcpdump, netcat-openbsd, ethtool)"; exit 77; }
done
source "$(dirname "$0")/lib.sh"

# The harness makes its folder there.
export TMPDIR=$work
# Some look for a helper of the kernel's among the host's symbols, where graft's are not.
echo '0000000000000000 d bpf_xdp_output_proto' >"$work/kallsyms"
# tcpdump becomes another user without other groups, where the user namespace of an ordinary user has neither.
mkdir "$work/bin"
printf '#!/bin/sh\nexec %s groups -- %s -Z root "$@"\n' "$GRAFT_BIN/graft-deny" "$(PATH=$PATH:/usr/sbin:/sbin command -v tcpdump)" >"$work/bin/tcpdump"
chmod +x "$work/bin/tcpdump"
run_tests() {
    PATH=$work/bin:$PATH "$graft" run --private -- sh -c 'mount --bind "$1/kallsyms" /proc/kallsyms && shift && exec "$@"' sh "$work" \
        "$suite/test_runner.sh" "$suite/tests/$1/test-$1.sh" "${@:2}" </dev/null >"$work/$1.$2" 2>&1
}
names() { sed -n 's/^ALL_TESTS="\(.*\)"$/\1/p' "$suite/tests/$1/test-$1.sh" | tr ' ' '\n' | grep -vE '^test_(promiscuous_.*|perf_wakeup)$'; }

declare -A started=()
at_once=6
end_of_one() {
    local pid status=0
    wait -n -p pid "${!started[@]}" || status=$?
    local name=${started[$pid]}
    unset "started[$pid]"
    if ((status != 0)) || ! grep -qE '\] +(PASS|SKIPPED)$' "$work/$name"; then
        fail "$name ended with status $status: $(cat "$work/$name")"
    elif grep -q 'SKIPPED$' "$work/$name" && [[ $name != *.test_python_* ]]; then
        fail "$name skipped itself: $(cat "$work/$name")"
    fi
}
count=0
for tool in xdpdump xdp-loader xdp-filter; do    # the long ones first
    for name in $(names "$tool"); do
        ((${#started[@]} < at_once)) || end_of_one
        run_tests "$tool" "$name" &
        started[$!]=$tool.$name
        count=$((count + 1))
    done
done
while ((${#started[@]})); do end_of_one; done
((count >= 31)) || fail "only $count tests were found"
