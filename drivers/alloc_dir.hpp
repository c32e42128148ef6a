// The directories of one allocation. Tasks of different users share them, so what they may write to
// is sticky: nobody can replace what somebody else, the agent above all, has put there.
//
//   <root>/<alloc id>/
//     alloc/{data,logs,tmp}           shared by the allocation's tasks
//     <task>/{local,secrets,tmp}      of one task; secrets are its user's alone
#pragma once

#include <string>
#include <vector>

#include "engine/base/result.hpp"

namespace drover::drivers {

// Makes a user (name or number; empty for the agent's own) the owner of a task's secrets. Without
// root all tasks run as the agent's user, and nothing needs to change.
[[nodiscard]] Result<void> give_secrets(const std::string& task_dir, const std::string& user);

class AllocDir {
public:
    // `root` is absolute; the id becomes a directory name.
    AllocDir(std::string root, std::string alloc_id);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string shared() const { return path_ + "/alloc"; }
    [[nodiscard]] std::string logs() const { return path_ + "/alloc/logs"; }
    [[nodiscard]] std::string task(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] std::string local(const std::string& name) const;
    [[nodiscard]] std::string secrets(const std::string& name) const;

    // Both may be repeated: what is there already is kept.
    [[nodiscard]] Result<void> build() const;
    // `user` (name or number) becomes the owner of the secrets; empty keeps the agent's own.
    [[nodiscard]] Result<void> build_task(const std::string& name, const std::string& user) const;

    // Kills whatever still runs in it, then removes it all. A missing directory is a success.
    [[nodiscard]] Result<void> destroy() const;

private:
    [[nodiscard]] Result<void> check() const;

    std::string root_;
    std::string alloc_id_;
    std::string path_;
};

}  // namespace drover::drivers
