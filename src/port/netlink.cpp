#include "port/netlink.h"

#include <algorithm>

namespace graft::netlink {
namespace {

constexpr size_t attribute_header = NLA_HDRLEN;

template <class T>
void write_at(std::vector<std::byte>& data, size_t offset, const T& value) {
    std::memcpy(data.data() + offset, &value, sizeof value);
}

}  // namespace

std::string_view Attribute::as_string() const {
    const auto* text = reinterpret_cast<const char*>(payload.data());
    return {text, strnlen(text, payload.size())};
}

void Attributes::Iterator::load() {
    const auto header = read_at<nlattr>(rest_, 0);
    if (!header || header->nla_len < attribute_header || header->nla_len > rest_.size()) {
        done_ = true;
        return;
    }
    now_.type = header->nla_type & NLA_TYPE_MASK;
    now_.raw = rest_.first(header->nla_len);
    now_.payload = now_.raw.subspan(attribute_header);
}

Attributes::Iterator& Attributes::Iterator::operator++() {
    rest_ = rest_.subspan(std::min(rest_.size(), align(now_.raw.size())));
    load();
    return *this;
}

std::optional<Attribute> Attributes::find(uint16_t type) const {
    std::optional<Attribute> found;
    for (const Attribute& attribute : *this) {
        if (attribute.type == type) found = attribute;
    }
    return found;
}

bool Attributes::malformed() const {
    Bytes rest = bytes_;
    for (const Attribute& attribute : *this) rest = rest.subspan(std::min(rest.size(), align(attribute.raw.size())));
    return !rest.empty();
}

Attributes Message::attributes(size_t size) const {
    const size_t offset = align(size);
    return Attributes(offset <= payload.size() ? payload.subspan(offset) : Bytes{});
}

std::optional<Message> first_message(Bytes datagram) {
    const auto header = read_at<nlmsghdr>(datagram, 0);
    if (!header || header->nlmsg_len < sizeof *header || header->nlmsg_len > datagram.size()) return std::nullopt;
    Message message;
    message.header = *header;
    message.raw = datagram.first(header->nlmsg_len);
    message.payload = message.raw.subspan(NLMSG_HDRLEN);
    return message;
}

Bytes after(Bytes datagram, const Message& message) { return datagram.subspan(std::min(datagram.size(), align(message.raw.size()))); }

Builder::Builder(uint16_t type, uint16_t flags) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    bytes(bytes_of(header));
}

Builder& Builder::bytes(Bytes more) {
    data_.insert(data_.end(), more.begin(), more.end());
    data_.resize(align(data_.size()));
    return *this;
}

Builder& Builder::raw_attribute(uint16_t type, Bytes payload) {
    nlattr header{};
    header.nla_type = type;
    header.nla_len = static_cast<uint16_t>(attribute_header + payload.size());
    bytes(bytes_of(header));
    return bytes(payload);
}

Builder& Builder::string(uint16_t type, std::string_view text) {
    std::vector<std::byte> with_nul(text.size() + 1);
    std::memcpy(with_nul.data(), text.data(), text.size());
    return raw_attribute(type, with_nul);
}

Builder& Builder::copy(const Attribute& attribute) { return bytes(attribute.raw); }

Builder& Builder::begin(uint16_t type) {
    open_.push_back(data_.size());
    return raw_attribute(type, {});
}

Builder& Builder::end() {
    const size_t offset = open_.back();
    open_.pop_back();
    write_at(data_, offset + offsetof(nlattr, nla_len), static_cast<uint16_t>(data_.size() - offset));
    return *this;
}

void Builder::set_sequence(uint32_t sequence, uint32_t port) {
    write_at(data_, offsetof(nlmsghdr, nlmsg_seq), sequence);
    write_at(data_, offsetof(nlmsghdr, nlmsg_pid), port);
}

Bytes Builder::message() {
    write_at(data_, offsetof(nlmsghdr, nlmsg_len), static_cast<uint32_t>(data_.size()));
    return data_;
}

}  // namespace graft::netlink
