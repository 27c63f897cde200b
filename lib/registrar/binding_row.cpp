#include "registrar/binding_row.hpp"

namespace tandem {

bool is_connected(const BindingRecord &binding) {
    return is_reliable(binding.flow.transport) && binding.flow.port != 0 && binding.path.empty() &&
           (binding.is_direct || binding.reg_id != 0);
}

BindingRow::BindingRow(const BindingRecord &record)
    : id_(record.id), version_(record.version), registered_(record.registered), expires_(record.expires),
      reg_id_(record.reg_id), cseq_(record.cseq), flow_(record.flow), q_(record.q), is_direct_(record.is_direct),
      is_connected_(tandem::is_connected(record)) {
    texts_.assign({record.aor, record.contact, record.instance, record.path, record.call_id, record.user_agent});
}

void BindingRow::forget_flow() {
    flow_.port = 0;
    is_connected_ = false;
}

BindingRecord BindingRow::record() const {
    BindingRecord record;
    record.id = id_;
    record.version = version_;
    record.aor = texts_.get(aor_text);
    record.contact = texts_.get(contact_text);
    record.instance = texts_.get(instance_text);
    record.reg_id = reg_id_;
    record.q = q_;
    record.path = texts_.get(path_text);
    record.call_id = texts_.get(call_id_text);
    record.cseq = cseq_;
    record.user_agent = texts_.get(user_agent_text);
    record.flow = flow_;
    record.is_direct = is_direct_;
    record.registered = registered_;
    record.expires = expires_;
    return record;
}

} // namespace tandem
