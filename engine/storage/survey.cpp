// See survey.hpp.
#include "engine/storage/survey.hpp"

#include <utility>

#include "engine/storage/layout.hpp"

namespace drover::storage {

void Survey::note(std::string_view key, std::string_view value) {
    ++records_;
    bytes_ += key.size() + value.size();
    if (key == base_key) return keep(base_, decode_base(key, value));
    if (key == cut_key) return keep(cut_, decode_cut(key, value));
    if (key == hard_key) return keep(hard_, decode_hard(key, value));
    if (key == snapshot_key) return keep(installed_, decode_snapshot_meta(key, value));
    if (key.starts_with(log_prefix)) return note_entry(key, value);
    ++unknown_;
}

void Survey::note_entry(std::string_view key, std::string_view value) {
    const auto entry = decode_entry(key, value);
    if (!entry) return note_damage(entry.error());
    ++entries_;
    if (!ranges_.empty() && entry->index == next(ranges_.back().last)) {
        ranges_.back().last = entry->index;
    } else {
        ranges_.push_back({entry->index, entry->index});
    }
}

void Survey::note_damage(const Error& error) {
    ++damage_count_;
    if (damages_.size() < damages_kept) damages_.push_back(error.message);
}

template <class Kept>
void Survey::keep(std::optional<Kept>& kept, Result<Kept> read) {
    if (!read) return note_damage(read.error());
    kept = std::move(*read);
}

}  // namespace drover::storage
