// Netlink messages as bytes: a builder that writes them, views that read them without trusting a length in them.
//
// Thread safety: none needed, values.  Ownership: views borrow the bytes they were made from.
// Units: a message starts 4-aligned in its datagram; lengths are host order, as everything in rtnetlink.
// Where the rule comes from: rfc 3549 and the uapi headers linux/netlink.h, linux/rtnetlink.h.  What is malformed ends an iteration; the
// reader asks malformed() when the difference between "no more" and "broken" matters.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace graft::netlink {

[[nodiscard]] constexpr size_t align(size_t length) { return (length + NLMSG_ALIGNTO - 1) & ~size_t{NLMSG_ALIGNTO - 1}; }

// One attribute.  `type` is without the NLA_F_* bits.
struct Attribute {
    uint16_t type = 0;
    Bytes payload;
    Bytes raw;  // header, payload; no padding

    // The payload as a T when it is at least that long.
    template <class T>
    [[nodiscard]] std::optional<T> as() const {
        return read_at<T>(payload, 0);
    }
    // Up to the first NUL.
    [[nodiscard]] std::string_view as_string() const;
};

// for (const Attribute& a : Attributes(bytes)) ...
class Attributes {
public:
    explicit Attributes(Bytes bytes) : bytes_(bytes) {}

    class Iterator {
    public:
        explicit Iterator(Bytes rest) : rest_(rest) { load(); }
        const Attribute& operator*() const { return now_; }
        const Attribute* operator->() const { return &now_; }
        Iterator& operator++();
        friend bool operator==(const Iterator& i, std::nullptr_t) { return i.done_; }

    private:
        void load();
        Bytes rest_;
        Attribute now_;
        bool done_ = false;
    };
    [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
    [[nodiscard]] static std::nullptr_t end() { return nullptr; }

    // The last one of that type, as Linux takes it.
    [[nodiscard]] std::optional<Attribute> find(uint16_t type) const;
    // Whether bytes are left that form no attribute.
    [[nodiscard]] bool malformed() const;

private:
    Bytes bytes_;
};

// One message of a datagram.
struct Message {
    nlmsghdr header{};
    Bytes payload;  // behind the nlmsghdr
    Bytes raw;      // header and payload; no padding

    template <class T>
    [[nodiscard]] std::optional<T> family_header() const {
        return read_at<T>(payload, 0);
    }
    // What follows the family header of `size` bytes.
    [[nodiscard]] Attributes attributes(size_t size) const;
};

// The message at the front of `datagram`, or nothing: empty, or broken (nlmsg_len is short or reaches past the end), as Linux sees it.
[[nodiscard]] std::optional<Message> first_message(Bytes datagram);
// What is behind `message` in its datagram.
[[nodiscard]] Bytes after(Bytes datagram, const Message& message);

// for (const Message& m : Messages(datagram)) ...   Ends at the first that is broken.
class Messages {
public:
    explicit Messages(Bytes datagram) : datagram_(datagram) {}

    class Iterator {
    public:
        explicit Iterator(Bytes rest) : rest_(rest), now_(first_message(rest)) {}
        const Message& operator*() const { return *now_; }
        const Message* operator->() const { return &*now_; }
        Iterator& operator++() {
            rest_ = after(rest_, *now_);
            now_ = first_message(rest_);
            return *this;
        }
        friend bool operator==(const Iterator& i, std::nullptr_t) { return !i.now_; }

    private:
        Bytes rest_;
        std::optional<Message> now_;
    };
    [[nodiscard]] Iterator begin() const { return Iterator(datagram_); }
    [[nodiscard]] static std::nullptr_t end() { return nullptr; }

private:
    Bytes datagram_;
};

// Writes one message: header, family header, attributes.
class Builder {
public:
    Builder(uint16_t type, uint16_t flags);

    template <class T>
    Builder& header(const T& family_header) {
        return bytes(bytes_of(family_header));
    }
    template <class T>
    Builder& attribute(uint16_t type, const T& value) {
        return raw_attribute(type, bytes_of(value));
    }
    Builder& raw_attribute(uint16_t type, Bytes payload);
    Builder& string(uint16_t type, std::string_view text);  // with its NUL
    Builder& copy(const Attribute& attribute);              // as it is, flag bits included
    Builder& bytes(Bytes more);                             // padded to 4

    // An attribute that holds attributes; open until the matching end().  NLA_F_NESTED is the caller's to add.
    Builder& begin(uint16_t type);
    Builder& end();

    void set_sequence(uint32_t sequence, uint32_t port);
    // The message so far, its length written.  Valid until the next change.
    [[nodiscard]] Bytes message();

private:
    std::vector<std::byte> data_;
    std::vector<size_t> open_;
};

}  // namespace graft::netlink
