// Replaces ${...} in texts of a task by what is known of its node and its environment. A name that
// nobody knows stays as it stands, and "$${" stands for a literal "${".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/schema/task.pb.h"

namespace drover::schema {
class Node;
}

namespace drover::client {

class Interpolation {
public:
    using Variables = std::map<std::string, std::string>;

    Interpolation(const schema::Node& node, std::string_view region);

    // Environment variables, known by their plain name and as env["NAME"].
    void add_environment(const Variables& environment);

    [[nodiscard]] std::string text(std::string_view source) const;
    // Every text in the value, however deep; keys of objects stay.
    void apply(schema::Value& value) const;
    // The configuration and the user; the environment is made elsewhere.
    void apply(schema::Task& task) const;

private:
    Variables known_;
};

}  // namespace drover::client
