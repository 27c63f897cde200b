// Where a store gets what lives when it has missed changes: from the tracker, or from a host that adds what only it
// knows of a dialog.
#pragma once
#include <optional>
#include <vector>
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_record.hpp"

namespace tandem {

class LivingDialogs {
public:
    virtual ~LivingDialogs() = default;

    virtual std::vector<DialogId> dialogs() const = 0; // live sets; walks the table

    // All of a set that is not forgotten, as it would be stored. Its views live until the next call of any kind.
    virtual std::optional<DialogRecord> record(DialogId id) const = 0;
};

} // namespace tandem
