// Lists in pages: where one begins, which way it runs, and the token of the row after its last.
// Tokens are "namespace.id" for jobs and the id's text for everything else.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schema/request.pb.h"
#include "engine/state/view.hpp"

namespace drover::state {

// Counts rows up to a page's end. A size of 0 means one page without an end.
class PageCounter {
public:
    explicit PageCounter(std::int32_t size) : left_{size > 0 ? size : -1} {}
    [[nodiscard]] bool full() const { return left_ == 0; }
    void count() {
        if (left_ > 0) --left_;
    }

private:
    std::int32_t left_;
};

// Walks a range from the token on, forwards or backwards. `visit(key, row)` returns false to stop.
template <class Tree, class Key, class Visit>
void walk(const Tree& tree, const typename Tree::Range& range, const std::optional<Key>& token,
          bool reverse, Visit visit) {
    if (range.empty()) return;
    if (!reverse) {
        auto at = range.first();
        if (token && at.key() < *token) at = tree.lower_bound(*token);
        const auto& past = range.past();
        for (; !at.at_end() && (past.at_end() || at.key() < past.key()); at.next()) {
            if (!visit(at.key(), at.row())) return;
        }
        return;
    }
    auto at = range.past();
    if (token) {
        auto after = tree.upper_bound(*token);
        if (!after.at_end() && (at.at_end() || after.key() < at.key())) at = after;
    }
    const Key first = range.first().key();
    for (at.previous(); !at.at_end() && !(at.key() < first); at.previous()) {
        if (!visit(at.key(), at.row())) return;
    }
}

// Ids of the tree whose text lies in the range, in the order of their text. It looks at every id:
// people ask by a prefix now and then, and an index for it, whose order is that of random numbers,
// would cost each placement more than any other.
template <class Tree>
std::vector<ShownUuid> shown_in(const Tree& tree, const ShownRange& range) {
    std::vector<ShownUuid> found;
    if (range.first == range.last) {
        if (tree.contains(range.first.id())) found.push_back(range.first);
        return found;
    }
    for (auto at = tree.first(); !at.at_end(); at.next()) {
        const ShownUuid shown = at.key().shown();
        if (range.first <= shown && shown <= range.last) found.push_back(shown);
    }
    std::sort(found.begin(), found.end());
    return found;
}

// Walks sorted ids from the token on, forwards or backwards. `visit(id)` returns false to stop.
template <class Visit>
void walk(const std::vector<ShownUuid>& ids, const std::optional<ShownUuid>& token, bool reverse,
          Visit visit) {
    if (!reverse) {
        auto at = token ? std::lower_bound(ids.begin(), ids.end(), *token) : ids.begin();
        while (at != ids.end() && visit(at->id())) ++at;
        return;
    }
    auto at = token ? std::upper_bound(ids.begin(), ids.end(), *token) : ids.end();
    while (at != ids.begin() && visit((--at)->id())) {
    }
}

// Rows named by an id, ordered by id, or by its text where a prefix is given. `wanted` is asked of
// each, `add` gets those of the page. Returns the next token.
template <class Tree, class Wanted, class Add>
std::string list_by_id(const Tree& tree, const schema::Query& query, Wanted wanted, Add add) {
    PageCounter page{query.per_page()};
    std::string next;
    auto offer = [&](const Uuid& id, const auto& row) {
        if (!wanted(row)) return true;
        if (page.full()) {
            next = id.text();
            return false;
        }
        page.count();
        add(row);
        return true;
    };
    const auto token = Uuid::from_text(query.next_token());
    if (query.prefix().empty()) {
        walk(tree, tree.all(), token, query.reverse(), offer);
        return next;
    }
    const auto range = shown_range(query.prefix());
    if (!range) return next;
    std::optional<ShownUuid> shown_token;
    if (token) shown_token = token->shown();
    walk(shown_in(tree, *range), shown_token, query.reverse(),
         [&](const Uuid& id) { return offer(id, *tree.find(id)); });
    return next;
}

template <class Add>
std::string list_of_jobs(const StateView& view, std::string_view namespace_,
                         const schema::Query& query, Add add) {
    const JobTable& jobs = view.tables().jobs;
    PageCounter page{query.per_page()};
    std::string next;
    std::optional<JobKey> token;
    const std::string& text = query.next_token();
    if (std::size_t dot = text.find('.'); dot != std::string::npos) {
        token = JobKey{text.substr(0, dot), text.substr(dot + 1)};
    }
    bool everywhere = namespace_ == "*";
    JobKey low{std::string{namespace_}, query.prefix()};
    JobKey high{low.namespace_, low.id + '\xff'};
    walk(jobs, everywhere ? jobs.all() : jobs.between(low, high), token, query.reverse(),
         [&](const JobKey& key, const JobPtr& row) {
             if (!key.id.starts_with(query.prefix())) return true;
             if (page.full()) {
                 next = key.namespace_ + '.' + key.id;
                 return false;
             }
             page.count();
             add(row);
             return true;
         });
    return next;
}

}  // namespace drover::state
