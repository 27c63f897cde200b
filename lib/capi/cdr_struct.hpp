// A call record as a host sees it.
#pragma once
#include <tandem/cdr.h>
#include <vector>
#include "cdr/cdr.hpp"

namespace tandem::capi {

// The record and the struct that points into it; neither moves.
class CdrStruct {
public:
    explicit CdrStruct(Cdr cdr);
    CdrStruct(const CdrStruct &) = delete;
    CdrStruct &operator=(const CdrStruct &) = delete;

    const tandem_cdr &get() const { return struct_; }

private:
    Cdr cdr_;
    std::string id_;
    std::vector<tandem_membership> profiles_;
    std::vector<tandem_variable> variables_;
    tandem_cdr struct_{};
};

} // namespace tandem::capi
