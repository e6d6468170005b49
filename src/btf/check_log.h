// CheckLog: the lines that the BTF check writes about types, members and section variables.
//
// Wording and order of the fields are Linux 6.12's: people and tools read them.  Not thread safe; borrows everything.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "btf/btf.h"

namespace graft {

class CheckLog {
public:
    explicit CheckLog(Log& log) : log_(log) {}

    [[nodiscard]] Log& log() { return log_; }

    // From here on a line about a member is preceded by one about its type, since the reader has not just seen it.
    void types_were_listed() { listed_ = true; }

    // "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED", and `problem` behind it when there is one.
    void type(const BtfType& type, std::string_view problem = {});
    // "[1] INT int " and the problem: for types whose further bytes cannot be trusted.
    void bare_type(const BtfType& type, std::string_view problem);
    void member(const BtfType& of, const btf_member& member, std::string_view problem = {});
    void variable(const BtfType& section, const btf_var_secinfo& variable, std::string_view problem = {});
    void enumerator(const BtfType& type, uint32_t name_off, uint64_t value);

private:
    void line(std::string_view text, std::string_view problem);

    Log& log_;
    bool listed_ = false;
};

// What the log calls a name: "(anon)" for offset 0.
[[nodiscard]] std::string_view log_name(const Btf& btf, uint32_t name_off);

}  // namespace graft
