// A body of HCL -> a message of the schema, field by field through the descriptors, with the
// shortcuts that job files allow on top (shortcuts.cpp). All errors are found, not just the first,
// up to a limit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/jobspec/field_map.hpp"
#include "engine/jobspec/hcl/hcl.hpp"
#include "engine/schema/job.pb.h"

namespace drover::jobspec {

class Reader {
public:
    explicit Reader(hcl::Evaluation& evaluation) : evaluation_{evaluation} {}

    void read_job(const hcl::ScopedBlock& block, schema::Job& job);

private:
    using Message = google::protobuf::Message;
    using Field = google::protobuf::FieldDescriptor;

    // Generic: reader.cpp.
    void read(const hcl::ScopedBlock& block, Message& message);
    void read_label(const hcl::ScopedBlock& block, Message& message);
    void read_attribute(const hcl::Attribute& attribute, const hcl::ScopedBlock& block,
                        Message& message);
    void read_block(const hcl::ScopedBlock& inner, const hcl::ScopedBlock& outer, Message& message);
    void unknown(const std::string& kind, const std::string& name, const hcl::Range& range,
                 const hcl::ScopedBlock& block, const Message& message);
    void report(const hcl::Range& range, std::string summary, std::string detail = {});
    [[nodiscard]] bool enough() const;

    // Values: reader_values.cpp.
    void set_field(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                   const Field& field, Message& message);
    bool set_scalar(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                    const Field& field, Message& message);
    bool set_integer(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                     const Field& field, Message& message);
    std::optional<std::int64_t> integer(const hcl::Value& value, const hcl::Range& range,
                                        const std::string& name, const Field& field);
    void set_pairs(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                   const Field& field, Message& message);
    void set_pair(const hcl::Value& value, const hcl::Range& range, const std::string& name,
                  Message& pair);
    bool mismatch(const hcl::Range& range, const std::string& name, std::string_view wanted,
                  const hcl::Value& value);

    // What the language allows beyond the fields themselves: shortcuts.cpp. Each says whether it
    // took the attribute or block.
    bool take_attribute(const hcl::Attribute& attribute, const hcl::ScopedBlock& block,
                        Message& message);
    bool take_block(const hcl::ScopedBlock& inner, Message& message);
    void finish(const hcl::ScopedBlock& block, Message& message);
    bool take_operator(const hcl::Attribute& attribute, const hcl::ScopedBlock& block,
                       Message& message);
    bool take_job_block(const hcl::ScopedBlock& inner, schema::Job& job);
    bool take_group_block(const hcl::ScopedBlock& inner, schema::TaskGroup& group);
    bool take_task_block(const hcl::ScopedBlock& inner, schema::Task& task);
    bool take_port(const hcl::ScopedBlock& inner, schema::NetworkResource& network);
    void finish_scaling(const hcl::ScopedBlock& block, schema::ScalingPolicy& scaling);

    // `vault` and `secret` blocks of a job or group wait here for the tasks below. A scope is
    // pushed for a job and for each of its groups.
    struct Inherited {
        std::vector<schema::Vault> vaults;
        std::vector<schema::Secret> secrets;
    };
    bool take_inherited(const hcl::ScopedBlock& inner, Inherited& inherited);
    static void inherit(const Inherited& from, schema::TaskGroup& group);

    hcl::Evaluation& evaluation_;
    Inherited job_{};
    Inherited group_{};
};

void to_schema(const hcl::Value& value, schema::Value& out);

}  // namespace drover::jobspec
