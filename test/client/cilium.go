// A program on cilium/ebpf, linked statically: what `graft run` must serve without a libc in between.
//
//	graft-cilium BPF-DIRECTORY INTERFACE
//
// Prints one line a step; a step that fails ends it with status 1.
package main

import (
	"fmt"
	"net"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

func must(err error, step string) {
	if err != nil {
		fmt.Printf("%s: %v\n", step, err)
		os.Exit(1)
	}
}

func expect(step string, expected, actual any) {
	if expected != actual {
		fmt.Printf("%s: expected %v, got %v\n", step, expected, actual)
		os.Exit(1)
	}
	fmt.Printf("%s: %v\n", step, actual)
}

func load(path string) *ebpf.Collection {
	spec, err := ebpf.LoadCollectionSpec(path)
	must(err, path)
	collection, err := ebpf.NewCollection(spec)
	must(err, path)
	return collection
}

func run(program *ebpf.Program) uint32 {
	result, _, err := program.Test(make([]byte, 64))
	must(err, "test run")
	return result
}

func maps() {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 100})
	must(err, "hash map")
	defer m.Close()
	for i := uint32(1); i <= 100; i++ {
		must(m.Put(i, uint64(i)*2), "put")
	}
	var key uint32
	var value, sum uint64
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		sum += value
	}
	must(entries.Err(), "iterate")
	expect("sum of a hash map", uint64(10100), sum)
}

func xdp(path, name string) {
	collection := load(path)
	defer collection.Close()
	program := collection.Programs["xdp_drop"]
	expect("verdict", uint32(1), run(program))
	device, err := net.InterfaceByName(name)
	must(err, "interface")
	attached, err := link.AttachXDP(link.XDPOptions{Program: program, Interface: device.Index})
	must(err, "attach XDP")
	info, err := attached.Info()
	must(err, "link info")
	id, _ := func() (ebpf.ProgramID, bool) { i, _ := program.Info(); return i.ID() }()
	expect("program of the link", id, info.Program)
	const pin = "/sys/fs/bpf/cilium-link"
	must(attached.Pin(pin), "pin")
	attached.Close()
	again, err := link.LoadPinnedLink(pin, nil)
	must(err, "load the pin")
	must(again.Unpin(), "unpin")
	must(again.Close(), "close")
}

func freplace(targetPath, extensionPath string) {
	first, second := load(targetPath), load(targetPath)
	defer first.Close()
	defer second.Close()
	plain := run(first.Programs["target"])

	spec, err := ebpf.LoadCollectionSpec(extensionPath)
	must(err, "extension")
	for name := range spec.Programs {
		if name != "new_x" {
			delete(spec.Programs, name)
		}
	}
	spec.Programs["new_x"].AttachTarget = first.Programs["target"]
	spec.Programs["new_x"].AttachTo = "get_x"
	extension, err := ebpf.NewCollection(spec)
	must(err, "extension")
	defer extension.Close()

	one, err := link.AttachFreplace(nil, "", extension.Programs["new_x"])
	must(err, "attach to the target of the load")
	two, err := link.AttachFreplace(second.Programs["target"], "get_x", extension.Programs["new_x"])
	must(err, "attach to another target")
	replaced := run(first.Programs["target"])
	expect("the target runs the extension", true, replaced != plain)
	expect("so does the other", replaced, run(second.Programs["target"]))
	must(one.Close(), "close")
	expect("a closed link gives the function back", plain, run(first.Programs["target"]))
	expect("and leaves the other", replaced, run(second.Programs["target"]))
	must(two.Close(), "close")
}

func main() {
	must(rlimit.RemoveMemlock(), "rlimit")
	must(features.HaveProgramType(ebpf.XDP), "probe of XDP")
	must(features.HaveMapType(ebpf.Hash), "probe of hash maps")
	maps()
	xdp(os.Args[1]+"/xdp_drop.bpf.o", os.Args[2])
	freplace(os.Args[1]+"/xdp_target.bpf.o", os.Args[1]+"/extension.bpf.o")
	fmt.Println("done")
}
