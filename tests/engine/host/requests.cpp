// See requests.hpp.
#include "tests/engine/host/requests.hpp"

#include <gtest/gtest.h>

namespace drover::host {

schema::Request registration(const std::string& id, int count) {
    schema::Request request;
    schema::Job& job = *request.mutable_register_job()->mutable_job();
    job.set_id(id);
    job.set_name(id);
    job.set_type("service");
    job.add_datacenters("dc1");
    schema::TaskGroup& group = *job.add_task_groups();
    group.set_name("web");
    group.set_count(count);
    schema::Task& task = *group.add_tasks();
    task.set_name("server");
    task.set_driver("mock");
    task.mutable_resources()->set_cpu(100);
    task.mutable_resources()->set_memory_mb(64);
    return request;
}

schema::Request read_job(const std::string& id) {
    schema::Request request;
    request.mutable_query()->set_job(id);
    return request;
}

void expect_equal(const Group& group, const std::vector<std::size_t>& servers) {
    const wire::Digest first = group.digest(servers.front());
    EXPECT_EQ(first.digest().size(), 32U);
    for (const std::size_t server : servers) {
        EXPECT_EQ(group.digest(server).index(), first.index()) << server;
        EXPECT_EQ(group.digest(server).digest(), first.digest()) << server;
    }
}

void expect_written(const Group& group, std::uint64_t ticket) {
    const schema::Response* response = group.answer(ticket);
    ASSERT_NE(response, nullptr) << ticket;
    EXPECT_FALSE(response->has_failure()) << response->failure().message();
    EXPECT_TRUE(response->has_job_written());
}

}  // namespace drover::host
