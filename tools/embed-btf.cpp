// embed-btf OBJECT OUTPUT: the BTF of a BPF object, as the initialisers of an array of bytes.
//
// The object holds one variable, a struct of groups, each a struct of types (src/btf/vmlinux_types.bpf.cc).  What is written describes
// the types alone: the variable, its section and the groups go.  Integers get the names that GCC gives them, which are those of Linux's
// vmlinux; C's bool is a typedef there.

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct FreeBtf {
    void operator()(btf* object) const { btf__free(object); }
};
using BtfPtr = std::unique_ptr<btf, FreeBtf>;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "embed-btf: %s\n", what.c_str());
    std::exit(1);
}

long require(long result, const char* what) {
    if (result < 0) die(std::string(what) + ": " + std::strerror(static_cast<int>(-result)));
    return result;
}

std::string_view linux_name(std::string_view name) {
    static const std::map<std::string_view, std::string_view> names = {
        {"short", "short int"},
        {"unsigned short", "short unsigned int"},
        {"long", "long int"},
        {"unsigned long", "long unsigned int"},
        {"long long", "long long int"},
        {"unsigned long long", "long long unsigned int"},
        {"bool", "_Bool"},
    };
    const auto it = names.find(name);
    return it == names.end() ? name : it->second;
}

// Every type id that a type refers to.
std::vector<uint32_t*> references(btf_type* type) {
    std::vector<uint32_t*> found;
    switch (btf_kind(type)) {
        case BTF_KIND_INT:
        case BTF_KIND_FLOAT:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
        case BTF_KIND_FWD:
            break;
        case BTF_KIND_ARRAY:
            found = {&btf_array(type)->type, &btf_array(type)->index_type};
            break;
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            for (uint32_t i = 0; i < btf_vlen(type); ++i) found.push_back(&btf_members(type)[i].type);
            break;
        case BTF_KIND_FUNC_PROTO:
            found.push_back(&type->type);
            for (uint32_t i = 0; i < btf_vlen(type); ++i) found.push_back(&btf_params(type)[i].type);
            break;
        case BTF_KIND_PTR:
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_FUNC:
        case BTF_KIND_TYPE_TAG:
            found.push_back(&type->type);
            break;
        default:
            die("a type of kind " + std::to_string(btf_kind(type)) + " among those to describe");
    }
    return found;
}

// The variable, its section, its type and the groups in it.
std::set<uint32_t> scaffolding(const btf* object) {
    std::set<uint32_t> found;
    for (uint32_t id = 1; id < btf__type_cnt(object); ++id) {
        const btf_type* type = btf__type_by_id(object, id);
        if (btf_is_datasec(type)) found.insert(id);
        if (!btf_is_var(type)) continue;
        found.insert({id, type->type});
        const btf_type* groups = btf__type_by_id(object, type->type);
        for (uint32_t i = 0; i < btf_vlen(groups); ++i) found.insert(btf_members(groups)[i].type);
    }
    return found;
}

BtfPtr without(const btf* object, const std::set<uint32_t>& unwanted) {
    BtfPtr result(btf__new_empty());
    if (!result) die("no memory");
    std::map<uint32_t, uint32_t> ids{{0, 0}};
    for (uint32_t id = 1; id < btf__type_cnt(object); ++id) {
        if (unwanted.contains(id)) continue;
        const long fresh = require(btf__add_type(result.get(), object, btf__type_by_id(object, id)), "btf__add_type");
        ids.emplace(id, static_cast<uint32_t>(fresh));
    }
    for (uint32_t id = 1; id < btf__type_cnt(result.get()); ++id) {
        for (uint32_t* reference : references(const_cast<btf_type*>(btf__type_by_id(result.get(), id)))) *reference = ids.at(*reference);
    }
    return result;
}

void use_linux_names(btf* object) {
    uint32_t boolean = 0;
    for (uint32_t id = 1; id < btf__type_cnt(object); ++id) {
        if (!btf_is_int(btf__type_by_id(object, id))) continue;
        const std::string name(linux_name(btf__name_by_offset(object, btf__type_by_id(object, id)->name_off)));
        if (name == "_Bool") boolean = id;
        const long offset = require(btf__add_str(object, name.c_str()), "btf__add_str");
        const_cast<btf_type*>(btf__type_by_id(object, id))->name_off = static_cast<uint32_t>(offset);
    }
    if (boolean != 0) require(btf__add_typedef(object, "bool", static_cast<int>(boolean)), "btf__add_typedef");
}

void write(const btf* object, const char* path) {
    uint32_t size = 0;
    const auto* data = static_cast<const unsigned char*>(btf__raw_data(object, &size));
    if (data == nullptr) die("no raw data");
    std::FILE* file = std::fopen(path, "w");
    if (file == nullptr) die(std::string(path) + ": " + std::strerror(errno));
    for (uint32_t i = 0; i < size; ++i) std::fprintf(file, "%u,%c", data[i], i % 32 == 31 ? '\n' : ' ');
    if (std::fclose(file) != 0) die(std::string(path) + ": " + std::strerror(errno));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) die("usage: embed-btf OBJECT OUTPUT");
    const BtfPtr object(btf__parse_elf(argv[1], nullptr));
    if (libbpf_get_error(object.get()) != 0) die(std::string(argv[1]) + ": no BTF");
    const BtfPtr types = without(object.get(), scaffolding(object.get()));
    use_linux_names(types.get());
    write(types.get(), argv[2]);
    return 0;
}
