// BtfParser: raw bytes to a checked Btf: header, sections, then the two passes over the types.  One use.
#pragma once

#include "btf/btf.h"
#include "btf/check_log.h"

namespace graft {

class BtfParser {
public:
    BtfParser(Log& log, Ref<const Btf> base);
    Result<Ref<Btf>> parse(Bytes data);

private:
    Error reject(const char* problem, int code = EINVAL);
    Result<void> read_header(Bytes data);
    Result<void> check_sections();
    Result<void> find_strings();
    Result<void> find_types();
    Result<void> check_info(const BtfType& type);

    Log& log_;
    CheckLog lines_;
    Ref<Btf> btf_;
    btf_header header_{};
    size_t body_size_ = 0;  // of what follows the header
};

}  // namespace graft
