// Values of devices' attributes, as nodes report them and as jobs compare them: text, yes or no, or
// a number which may have a unit. See semantics section 3.11.
//
// Units of one kind are compared in their base unit: bytes (KiB to EiB, kB to EB), bytes per second
// (the same with /s), hertz (MHz, GHz), watts (mW to GW). A number with a unit and one without
// cannot be compared, nor can kinds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace drover::schema {
class DeviceAttribute;
}

namespace drover::scheduler {

struct DeviceUnit;

struct DeviceValue {
    std::variant<std::string, bool, std::int64_t, double> value;
    const DeviceUnit* unit = nullptr;  // of a number; null: none
    std::string text;                  // as it was written, or as it is shown
    bool written = false;              // in a job: it may be meant as text
};

// What a job writes: "2 GiB", "1.5", "true", or anything else as text.
[[nodiscard]] DeviceValue read_device_value(std::string_view text);
// What a node reports. A unit that is not known counts as none.
[[nodiscard]] DeviceValue to_device_value(const schema::DeviceAttribute& attribute);
[[nodiscard]] DeviceValue text_value(std::string text);

// Negative, 0 or positive, in their order; yes and no have none, and are only equal (0) or not.
// None where the two cannot be compared. What a job writes is text beside a text: a model
// may be called "4090".
[[nodiscard]] std::optional<int> compare(const DeviceValue& left, const DeviceValue& right);
[[nodiscard]] bool has_order(const DeviceValue& value);

}  // namespace drover::scheduler
