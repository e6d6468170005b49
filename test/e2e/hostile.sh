# Clients that do what no honest one does: they get Linux's errno, other clients go on, and nothing of them is left in the kernel's
# process: no object, no descriptor, no thread.
#
# What user space must know to answer a client's bpf(2), netlink and file calls, and the tests that ask it.  "Supervisor", "Descriptors",
# "Rtnetlink" ... are test suites beside the code.
#
#   one listener a process; a second is refused                      Supervisor.ASecondListenerIsRefusedWithAReason, run.sh
#   killable, not interruptible: signals during a call               signals below
#   a thread's id is not its process's                               Supervisor.StaticProgramsThreadsAndForks, flood
#   memory that is not there, ends early or is read-only             Supervisor.BadMemoryIsEfault, unmapped
#   memory that changes while it is read                             Supervisor.MemoryThatChangesWhileItIsRead, changing
#   memory that hangs (userfaultfd)                                  Supervisor.MemoryThatHangsHoldsUpItsOwnerAlone
#   process_vm_readv is not allowed                                  restricted.sh
#   a client dies inside its call, its number is given away          Supervisor.AClientKilledInsideACallIsNoticed, KilledAtAnyMoment, die
#   objects survive dup, fork, exec, SCM_RIGHTS                      Descriptors.EveryCopyCounts, AChildHoldsIt,
#                                                                    Supervisor.ObjectsSurviveExecOnlyWhenAsked, OneClientPassesAnObjectToAnother
#   the last close: merged notices, refused lease, full queue        Descriptors.LastCloseDropsTheObject, MergedNoticesAreNotCounted,
#                                                                    TenThousandObjectsAndAnOverflow, InProcess.PinsSurviveAnOverflowOfNotices
#   a close is seen before the next call                             Supervisor.CallsAreAnswered, pins.sh
#   an O_PATH copy opened again, leases and SIGIO                    Descriptors.OPathCopyOfADeadObject, ResurrectionRaces, files
#   equal inode numbers of two filesystems                           twins below
#   RLIMIT_NOFILE of the kernel: ENFILE, and it is said              Descriptors.TheLimitIsEnfileWithAReason, limit below
#   no thread to be had (RLIMIT_NPROC)                               processes below
#   no file for one more client                                      crowd below
#   ten thousand objects                                             Supervisor.TenThousandObjects, hold
#   seals: truncate, grow, write, seal                               Descriptors.ClientsCannotResizeTheFile, files
#   a mapping holds the object; freeze of what is mapped             Descriptors.AMappingHoldsIt, Mappings.*, syscall.map-mmap
#   names in /proc that bpftool knows                                Descriptors.NamesThatBpftoolKnows, pins.sh
#   epoll on a map; perf_event_open, ioctl                           syscall.ring-buffer, syscall.perf-buffer, xdpdump.sh, xdp-tools.sh
#   RLIMIT_MEMLOCK cannot be raised                                  Supervisor.LockedMemoryMayBeRaised
#   /sys/kernel/btf/vmlinux is graft's                               environment.sh
#   /run: lock files, ip netns                                       environment.sh
#   bpffs: statfs, mount, ip netns exec                              Supervisor.MountOfABpffs, environment.sh, pins.sh
#   pins: O_EXCL, last name, refused names                           InProcess.PinErrors, APinHoldsTheObjectUntilItsLastNameGoes, pins.sh
#   rtnetlink: dup and fcntl of its sockets, MSG_PEEK, short buffers Rtnetlink.TheSocketGetsTheClientsNumber, APeekTakesNothing,
#                                                                    ADumpInAnyBuffer, ALongerDatagramComesInPieces
#   rtnetlink: genuine acknowledgements, errno of refusals           Answer.ErrnoOfWhatGraftRefused, TheHostsVerdictWithTheClientsRequest
#   rtnetlink: lengths that lie                                      RtnetlinkRequest.LengthsThatLie, netlink, fuzz/netlink.cpp
#   namespaces die, inode numbers are reused, interfaces move        Rtnetlink.WhatIsAttachedMovesAlong, ADeletedInterfaceDropsItsProgram,
#                                                                    PortTable.ADyingNamespaceTakesBothEnds
#   veth: the visible peer is named, its attributes are taken        Rtnetlink.APairIsSeenAsAPair, AttributesOfThePeerAreTaken,
#                                                                    PeerInAnotherNamespace, PortTable.PeersAreNamedAsTheirNamespaceSeesThem
#   veth: carrier, deletion of an end, moves, offloads, VLAN tags    PortTable.CarrierFollowsTheOtherEnd, DeletingOneEndDeletesTheOther,
#                                                                    AnEndMovesToAnotherNamespace, FramesAreCutForNativeXdp, VlanTagsArePutBack
#   the other entries (32-bit, x32) do not reach the host            Supervisor.TheCompatEntryIsEnosys
#   short and long attrs, non-zero tails                             syscall.attr, fuzz/attr.cpp
#   the kernel ends under its clients: ENOSYS                        Supervisor.AfterCloseCallsAreEnosys, ClosingGivesUpLongCalls, kernel.sh
source "$(dirname "$0")/lib.sh"
hostile=$GRAFT_BIN/graft-hostile probe=$GRAFT_BIN/graft-probe

"$graft" up >/dev/null
daemon=$(status_field pid)
# An honest client all the while: it must see nothing of the others.
"$graft" run -- bash -c "while [[ ! -e $work/stop ]]; do $probe map lookup threads fork || { echo \$? >$work/honest; exit 1; }; done" &
honest=$!
nobody_else() { [[ ! -e $work/honest ]] || fail "an honest client was hurt at step $(cat "$work/honest") during $1"; }

for what in unmapped files closes changing flood 'die 60'; do
    # shellcheck disable=SC2086
    status 0 timeout 120 "$graft" run -- "$hostile" $what
    nobody_else "$what"
done
# In a user namespace, where a message cannot move an interface to the host; an ordinary user's kernel has one of its own.
if [[ $EUID -eq 0 ]]; then
    status 0 timeout 120 unshare --user --map-root-user "$graft" run --private -- "$hostile" netlink
else
    status 0 timeout 120 "$graft" run -- "$hostile" netlink
fi
nobody_else netlink
"$graft" run -- sh -c 'cd /sys/class/net && for name in *; do [ "$name" = lo ] || [ ! -e "$name" ] || ip link del "$name"; done'
check "ports after broken netlink messages" "[]" "$("$graft" port list --json)"
# Several at once.
pids=()
for what in closes changing flood 'die 20' closes; do
    # shellcheck disable=SC2086
    "$graft" run -- "$hostile" $what &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of several hostile clients ended with status $?"; done
nobody_else "several at once"
touch "$work/stop"
wait "$honest" || fail "the honest client failed"

# Signals during calls: no call is lost or done twice.
"$graft" run -- bash -c "$probe map threads threads threads & client=\$!; while kill -CONT \$client 2>/dev/null; do :; done; wait \$client" ||
    fail "signals disturb calls"

# What a client holds goes with it.
"$graft" run -- "$hostile" links 1000 >"$work/links" &
holder=$!
within 60 grep -qs ready "$work/links" || fail "1,000 links are not made"
check "links" 1000 "$(status_field links)"
kill -KILL "$holder"
wait "$holder" 2>/dev/null
nothing_left

most=10000 hard=$(ulimit -Hn)
[[ $hard == unlimited || $hard -gt 11000 ]] || most=$((hard / 2))
status 0 "$graft" run -- "$hostile" hold "$most" >"$work/out"
check "objects held without a refusal" "" "$(cat "$work/out")"
nothing_left

# Two bpffs have files of equal numbers: each names its own object.
mkdir "$work/a" "$work/b"
twins=$("$graft" run -- sh -c "
    for name in a b; do
        mount -t bpf bpf $work/\$name && bpftool map create $work/\$name/m type array key 4 value 4 entries 1 name of_\$name
    done
    stat -c %i $work/a/m $work/b/m | uniq | wc -l
    bpftool map show pinned $work/a/m | sed -n 's/.*name \(of_.\).*/\1/p'
    bpftool map show pinned $work/b/m | sed -n 's/.*name \(of_.\).*/\1/p'
    umount $work/a $work/b" | tr '\n' ' ')
check "two bpffs" "1 of_a of_b " "$twins"
nothing_left

# The kernel's process is as it was before: descriptors at once, threads when they have been idle.
# (A first client leaves some: it is compared with a kernel that has served one.)
settled() { [[ $(daemon_descriptors "$daemon") -le $descriptors && $(daemon_threads "$daemon") -le $threads ]]; }
status 0 "$graft" run -- "$probe" map lookup threads fork
sleep 4
descriptors=$(daemon_descriptors "$daemon") threads=$(daemon_threads "$daemon")
[[ $descriptors -lt 60 ]] || fail "descriptors of the kernel: $(ls -l "/proc/$daemon/fd")"
[[ $threads -lt 16 ]] || fail "threads of the kernel: $threads"
for what in closes flood 'die 20' 'hold 500'; do
    # shellcheck disable=SC2086
    status 0 "$graft" run -- "$hostile" $what
done
within 20 settled || fail "the kernel had $descriptors descriptors and $threads threads, now $(daemon_descriptors "$daemon") and $(daemon_threads "$daemon")"
check "the same kernel" "$daemon" "$(status_field pid)"
"$graft" down

# A kernel that may open few files: ENFILE, not a failure of others; and it says so when asked.
(ulimit -n 400 && "$graft" up >/dev/null)
status 0 "$graft" run -- "$hostile" hold 2000 >"$work/out"
matches "at the limit" '^full at [0-9]+$' "$(cat "$work/out")"
error=$("$graft" run --explain -- "$hostile" hold 2000 2>&1)
matches "its reason" 'graft: BPF_MAP_CREATE: ENFILE: [^'$'\n'']*open files' "$error"
status 0 "$graft" run -- "$probe" map lookup
"$graft" down

# More clients at once than it has files for: who comes too late is told so in one line, the others go on.
crowd_of_clients() {
    (ulimit -n 64 && "$graft" up >/dev/null)
    crowd=()
    for i in $(seq 60); do
        "$graft" run -- bash -c "echo $i >>$work/crowd; until [[ -e $work/go ]]; do sleep 0.1; done" 2>>"$work/refusals" &
        crowd+=($!)
    done
    all_here() { [[ $(cat "$work/crowd" "$work/refusals" 2>/dev/null | wc -l) -eq 60 ]]; }
    within 60 all_here || fail "of 60 clients $(wc -l <"$work/crowd") run and $(wc -l <"$work/refusals") were refused"
    matches "the crowd's kernel" '^kernel: version ' "$("$graft" status)"
    check "what the crowd was told" 'graft: no file descriptor is left for one more client: raise the hard limit of open files (ulimit -Hn)' "$(sort -u "$work/refusals")"
    touch "$work/go"
    served=0
    for pid in "${crowd[@]}"; do wait "$pid" && served=$((served + 1)); done
    check "clients served" "$(wc -l <"$work/crowd")" "$served"
    status 0 "$graft" run -- "$probe" map lookup
    "$graft" down
}
if may_lack_files "a crowd of clients"; then crowd_of_clients; fi

# As many processes as there may be: a call that needs a thread fails, and the kernel lives.  (Of root the host does not count them.)
if [[ $EUID -ne 0 ]] && unshare --user --map-root-user true 2>/dev/null; then
    unshare --user --map-root-user bash -c "ulimit -u 60 && '$graft' up >/dev/null && '$graft' run -- '$hostile' processes && '$graft' status >'$work/out' && '$graft' down" ||
        fail "a client that uses all processes up"
    matches "after it" '^kernel: version ' "$(cat "$work/out")"
fi
