// A message that is kept as its bytes while nobody looks at it: those are a fifth of it. Copies are
// independent.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/ensure.hpp"

namespace drover::client {

template <class Message>
class Packed {
public:
    Packed() : whole_{std::make_unique<Message>()} {}
    explicit Packed(Message message) : whole_{std::make_unique<Message>(std::move(message))} {}
    Packed(const Packed& other)
        : owner_{other.owner_},
          bytes_{other.bytes_},
          whole_{other.whole_ ? std::make_unique<Message>(*other.whole_) : nullptr} {}
    Packed(Packed&&) noexcept = default;
    Packed& operator=(const Packed& other) {
        *this = Packed{other};
        return *this;
    }
    Packed& operator=(Packed&&) noexcept = default;
    ~Packed() = default;

    // Good until it is packed again.
    [[nodiscard]] const Message& get() const {
        unpack();
        return *whole_;
    }
    Message& edit() {
        unpack();
        owner_.reset();
        return *whole_;
    }
    // These are its bytes as it is now, which somebody else keeps too. They lie inside `owner`.
    void keep(std::shared_ptr<const std::string> owner, std::string_view bytes) {
        owner_ = std::move(owner);
        bytes_ = bytes;
    }
    void pack() {
        if (!whole_) return;
        if (!owner_) {
            owner_ = std::make_shared<const std::string>(whole_->SerializeAsString());
            bytes_ = *owner_;
        }
        whole_.reset();
    }

private:
    void unpack() const {
        if (whole_) return;
        whole_ = std::make_unique<Message>();
        ENSURE(whole_->ParseFromArray(bytes_.data(), static_cast<int>(bytes_.size())));
    }

    std::shared_ptr<const std::string> owner_;  // none where it was edited since
    std::string_view bytes_;
    mutable std::unique_ptr<Message> whole_;  // none while it is packed
};

}  // namespace drover::client
