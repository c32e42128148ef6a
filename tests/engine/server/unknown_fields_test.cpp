// A release beside the next one keeps what it does not know: a field of a later release, at any
// depth of any object, passes through request, log, tables, reads and snapshots, and counts in the
// digest. Objects are filled by reflection, so that a new message is tested from its first day.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "engine/base/prng.hpp"
#include "engine/schema/canonical.hpp"
#include "engine/schema/client_state.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/snapshot.pb.h"
#include "engine/server/snapshot.hpp"
#include "engine/server/wire.hpp"
#include "engine/state/query.hpp"
#include "tests/engine/server/requests.hpp"

namespace drover::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;

constexpr int later_field = 20'000;  // in no schema of ours
constexpr int depth_max = 7;         // some messages contain themselves

using Values = std::set<std::uint64_t>;

// Gives every message inside a field that nobody knows, each with a value of its own.
class Filler {
public:
    explicit Filler(std::uint64_t seed) : prng_{seed} {}

    void fill(Message& message, int depth = 0) {
        const Descriptor* const type = message.GetDescriptor();
        for (int i = 0; i < type->field_count(); ++i) {
            const FieldDescriptor* const field = type->field(i);
            if (depth > 0 && prng_.below(depth > 2 ? 2 : 8) == 0) continue;
            for (int n = field->is_repeated() && depth < 2 ? 2 : 1; n > 0; --n)
                set(message, field, depth);
        }
        message.GetReflection()->MutableUnknownFields(&message)->AddVarint(later_field, ++values_);
    }
    [[nodiscard]] std::uint64_t values() const { return values_; }

private:
    void set(Message& message, const FieldDescriptor* field, int depth) {
        const auto* const access = message.GetReflection();
        const bool list = field->is_repeated();
        const auto number = 1 + static_cast<std::int32_t>(prng_.below(9));
        switch (field->cpp_type()) {
            case FieldDescriptor::CPPTYPE_MESSAGE:
                if (depth == depth_max) return;
                fill(list ? *access->AddMessage(&message, field)
                          : *access->MutableMessage(&message, field),
                     depth + 1);
                return;
            case FieldDescriptor::CPPTYPE_STRING: {
                const std::string text = field->type() == FieldDescriptor::TYPE_BYTES
                                             ? node_id(static_cast<std::uint8_t>(number)).raw()
                                             : "text" + std::to_string(prng_.below(100));
                return list ? access->AddString(&message, field, text)
                            : access->SetString(&message, field, text);
            }
            case FieldDescriptor::CPPTYPE_INT32:
                return list ? access->AddInt32(&message, field, number)
                            : access->SetInt32(&message, field, number);
            case FieldDescriptor::CPPTYPE_INT64:
                return list ? access->AddInt64(&message, field, number)
                            : access->SetInt64(&message, field, number);
            case FieldDescriptor::CPPTYPE_UINT32:
                return list
                           ? access->AddUInt32(&message, field, static_cast<std::uint32_t>(number))
                           : access->SetUInt32(&message, field, static_cast<std::uint32_t>(number));
            case FieldDescriptor::CPPTYPE_UINT64:
                return list
                           ? access->AddUInt64(&message, field, static_cast<std::uint64_t>(number))
                           : access->SetUInt64(&message, field, static_cast<std::uint64_t>(number));
            case FieldDescriptor::CPPTYPE_BOOL:
                return list ? access->AddBool(&message, field, number > 4)
                            : access->SetBool(&message, field, number > 4);
            case FieldDescriptor::CPPTYPE_DOUBLE:
                return list ? access->AddDouble(&message, field, number)
                            : access->SetDouble(&message, field, number);
            case FieldDescriptor::CPPTYPE_ENUM: {
                const auto* const value = field->enum_type()->value(static_cast<int>(
                    prng_.below(static_cast<std::uint64_t>(field->enum_type()->value_count()))));
                return list ? access->AddEnum(&message, field, value)
                            : access->SetEnum(&message, field, value);
            }
            default:
                ADD_FAILURE() << field->full_name() << " is of a kind that is not filled";
        }
    }

    Prng prng_;
    std::uint64_t values_ = 0;
};

void collect(const Message& message, Values& values) {
    const auto* const access = message.GetReflection();
    const auto& unknown = access->GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count(); ++i) {
        if (unknown.field(i).number() == later_field) values.insert(unknown.field(i).varint());
    }
    std::vector<const FieldDescriptor*> fields;
    access->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
        if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
        if (!field->is_repeated()) {
            collect(access->GetMessage(message, field), values);
            continue;
        }
        for (int i = 0; i < access->FieldSize(message, field); ++i) {
            collect(access->GetRepeatedMessage(message, field, i), values);
        }
    }
}

Values unknown_in(const Message& message) {
    Values values;
    collect(message, values);
    return values;
}

// What `kept` has lost of `given`, besides what replaced parts took with them.
Values lost(const Message& given, const Message& kept, const Values& replaced = {}) {
    Values missing = unknown_in(given);
    for (const auto value : unknown_in(kept)) missing.erase(value);
    for (const auto value : replaced) missing.erase(value);
    return missing;
}

// Every type of message in the files that these import, one inside another too.
void add_types(const Descriptor* type, std::set<const Descriptor*>& types) {
    types.insert(type);
    for (int i = 0; i < type->nested_type_count(); ++i) add_types(type->nested_type(i), types);
}
void add_types(const FileDescriptor* file, std::set<const Descriptor*>& types) {
    if (!file->package().starts_with("drover")) return;
    for (int i = 0; i < file->message_type_count(); ++i) add_types(file->message_type(i), types);
    for (int i = 0; i < file->dependency_count(); ++i) add_types(file->dependency(i), types);
}
std::set<const Descriptor*> all_types() {
    std::set<const Descriptor*> types;
    for (const Descriptor* one :
         {schema::Request::descriptor(), schema::Entry::descriptor(),
          schema::StateMeta::descriptor(), schema::ClientAgentRecord::descriptor()}) {
        add_types(one->file(), types);
    }
    return types;
}

RC_GTEST_PROP(UnknownFields, pass_through_bytes_in_every_message_of_the_schema,
              (std::uint64_t seed)) {
    const auto types = all_types();
    RC_ASSERT(types.size() > 100U);
    std::uint64_t number = seed % 8;  // an eighth of them in each of a hundred runs
    for (const Descriptor* type : types) {
        if (number++ % 8 != 0) continue;
        const Message* const prototype =
            google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
        const std::unique_ptr<Message> made{prototype->New()}, read{prototype->New()};
        Filler filler{seed};
        filler.fill(*made);
        RC_ASSERT(read->ParseFromString(made->SerializeAsString()));
        RC_ASSERT(unknown_in(*read) == unknown_in(*made));
        RC_ASSERT(schema::canonical_bytes(*read) == schema::canonical_bytes(*made));
        // The digest sees every one of them.
        const std::unique_ptr<Message> bare{made->New()};
        bare->CopyFrom(*made);
        bare->GetReflection()->MutableUnknownFields(bare.get())->Clear();
        RC_ASSERT(schema::canonical_bytes(*bare) != schema::canonical_bytes(*made));
    }
}

// One object of each table, filled, and the state after the entries that brought them.
struct Filled {
    schema::Node node;
    schema::Job job;
    schema::Evaluation evaluation;
    schema::Allocation allocation;
    schema::Deployment deployment;
    schema::ServerInfo server;
    state::State state;

    explicit Filled(std::uint64_t seed) {
        Filler filler{seed};
        for (Message* one : std::initializer_list<Message*>{&node, &job, &evaluation, &allocation,
                                                            &deployment, &server}) {
            filler.fill(*one);
        }
        node.set_id(node_id(1).raw());
        node.set_status("ready");
        job.set_id("web");
        job.set_namespace_("default");
        job.set_stop(false);
        evaluation.set_id(node_id(2).raw());
        evaluation.set_namespace_("default");
        evaluation.set_job_id("web");
        evaluation.set_status("complete");
        deployment.set_id(node_id(4).raw());
        deployment.set_namespace_("default");
        deployment.set_job_id("web");
        deployment.set_status("running");
        allocation.set_id(node_id(3).raw());
        allocation.set_node_id(node.id());
        allocation.set_namespace_("default");
        allocation.set_job_id("web");
        allocation.set_eval_id(evaluation.id());
        allocation.set_deployment_id(deployment.id());
        allocation.set_desired_status("run");
        allocation.set_client_status("running");
        allocation.clear_job();  // of its plan, which says which record of it
        allocation.clear_job_create_index();
        allocation.clear_job_version();
        allocation.clear_previous_allocation();
        server.set_level_min(1);
        server.set_level_max(1);
        apply_all();
    }

    // As the log holds it: bytes, read again.
    void apply(const schema::Entry& entry) {
        schema::Entry read;
        RC_ASSERT(read.ParseFromString(entry.SerializeAsString()));
        const auto result = state.apply(state.applied_index() + 1, read);
        if (result.outcome != state::Applied::done) RC_FAIL(result.error.message);
    }

    void apply_all() {
        schema::Entry one;
        *one.mutable_register_server()->mutable_server() = server;
        apply(one);
        *one.mutable_register_node()->mutable_node() = node;
        apply(one);
        *one.mutable_register_job()->mutable_job() = job;
        apply(one);
        *one.mutable_upsert_evaluations()->add_evaluations() = evaluation;
        apply(one);
        schema::Plan& plan = *one.mutable_apply_plan()->mutable_plan();
        plan.set_evaluation_id(evaluation.id());
        *plan.mutable_job() = *state.view().job({"default", "web"});
        *plan.mutable_deployment() = deployment;
        schema::NodeAllocations& placed = *plan.add_placements();
        placed.set_node_id(node.id());
        *placed.add_allocations() = allocation;
        apply(one);
    }

    // Nothing that came in with an object is missing from its row. A node's events and a job
    // version's tag are the servers' own: a registration does not bring them.
    void expect_kept(const state::StateView& view) const {
        Values servers_own;
        for (const auto& event : node.events()) collect(event, servers_own);
        collect(job.version_tag(), servers_own);
        RC_ASSERT(lost(node, *view.node(*Uuid::from_raw(node.id())), servers_own) == Values{});
        RC_ASSERT(lost(job, *view.job({"default", "web"}), servers_own) == Values{});
        RC_ASSERT(lost(evaluation, *view.evaluation(*Uuid::from_raw(evaluation.id()))) == Values{});
        const auto row = view.allocation(*Uuid::from_raw(allocation.id()));
        RC_ASSERT(row != nullptr);
        RC_ASSERT(lost(allocation, row->body.unpack()) == Values{});
        RC_ASSERT(lost(job, *row->job, servers_own) == Values{});
        RC_ASSERT(lost(deployment, *view.deployment(*Uuid::from_raw(deployment.id()))) == Values{});
        RC_ASSERT(lost(server, *view.server(server.raft_id())) == Values{});
    }
};

RC_GTEST_PROP(UnknownFields, stay_in_the_rows_that_entries_write, (std::uint64_t seed)) {
    const Filled filled{seed};
    filled.expect_kept(filled.state.view());
}

RC_GTEST_PROP(UnknownFields, stay_in_rows_that_are_changed_afterwards, (std::uint64_t seed)) {
    Filled filled{seed};
    schema::Entry one;
    one.mutable_change_node_status()->set_node_id(filled.node.id());
    one.mutable_change_node_status()->set_status("down");
    filled.apply(one);
    schema::Allocation& report = *one.mutable_update_allocations()->add_allocations();
    report.set_id(filled.allocation.id());
    report.set_client_status("complete");
    *report.mutable_task_states() = filled.allocation.task_states();
    filled.apply(one);
    auto& status = *one.mutable_change_deployment()->mutable_status();
    status.set_deployment_id(filled.deployment.id());
    status.set_status("paused");
    filled.apply(one);
    one.mutable_change_job_stability()->set_namespace_("default");
    one.mutable_change_job_stability()->set_job_id("web");
    one.mutable_change_job_stability()->set_version(
        filled.state.view().job({"default", "web"})->version());
    one.mutable_change_job_stability()->set_stable(true);
    filled.apply(one);
    filled.expect_kept(filled.state.view());
}

RC_GTEST_PROP(UnknownFields, pass_through_a_snapshot, (std::uint64_t seed)) {
    const Filled filled{seed};
    SaveSnapshot save;
    save.view = filled.state.view();
    save.meta.index = raft::Index{filled.state.applied_index()};
    const auto loaded = load_snapshot(snapshot_file(save), {});
    if (!loaded) RC_FAIL(loaded.error().message);
    filled.expect_kept(loaded->state.view());
    RC_ASSERT(loaded->state.digest() == filled.state.digest());
}

RC_GTEST_PROP(UnknownFields, are_read_by_who_asks, (std::uint64_t seed)) {
    const Filled filled{seed};
    const auto ask = [&](const auto& name) {
        schema::Query question;
        name(question);
        schema::Response response;
        state::query(filled.state.view(), "default", question, response);
        schema::Response read;  // as it travels to another server
        RC_ASSERT(read.ParseFromString(response.SerializeAsString()));
        return read;
    };
    const auto jobs = ask([](auto& one) { one.set_job("web"); });
    RC_ASSERT(lost(filled.job, jobs.job(), unknown_in(filled.job.version_tag())) == Values{});
    const auto evaluation = ask([&](auto& one) { one.set_evaluation(filled.evaluation.id()); });
    RC_ASSERT(lost(filled.evaluation, evaluation.evaluation()) == Values{});
    const auto allocation = ask([&](auto& one) { one.set_allocation(filled.allocation.id()); });
    RC_ASSERT(lost(filled.allocation, allocation.allocation()) == Values{});
    RC_ASSERT(lost(filled.job, allocation.allocation().job(),
                   unknown_in(filled.job.version_tag())) == Values{});
    const auto deployment = ask([&](auto& one) { one.set_deployment(filled.deployment.id()); });
    RC_ASSERT(lost(filled.deployment, deployment.deployment()) == Values{});
    const auto servers = ask([](auto& one) { one.mutable_list_servers(); });
    RC_ASSERT(lost(filled.server, servers.servers()) == Values{});
}

RC_GTEST_PROP(UnknownFields, are_passed_on_to_the_leader_and_back, (std::uint64_t seed)) {
    auto request = std::make_shared<schema::Request>();
    auto response = std::make_shared<schema::Response>();
    Filler filler{seed};
    filler.fill(*request);
    filler.fill(*response);
    const auto there = decode_peer_message(
        encode_peer_message(ForwardedRequest{Ticket{1}, request, raft::Term{2}}));
    RC_ASSERT(there.has_value());
    RC_ASSERT(schema::canonical_bytes(*std::get<ForwardedRequest>(*there).request) ==
              schema::canonical_bytes(*request));
    const auto back = decode_peer_message(
        encode_peer_message(ForwardedResponse{Ticket{1}, response, raft::Term{2}}));
    RC_ASSERT(back.has_value());
    RC_ASSERT(schema::canonical_bytes(*std::get<ForwardedResponse>(*back).response) ==
              schema::canonical_bytes(*response));
}

}  // namespace
}  // namespace drover::server
