// A real server's log is damaged on its disk while it does not run. What was acknowledged is never
// dropped silently: the server starts with all of it, or it does not start and says why.
#include <gtest/gtest.h>

#include <functional>

#include "engine/storage/layout.hpp"
#include "io/store.hpp"
#include "tests/agent/cluster/cluster.hpp"
#include "tests/agent/cluster/damage.hpp"
#include "tests/agent/cluster/lone_server.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

constexpr int job_count = 6;
const std::vector<std::string> remedy{"keep a copy of the directory", "it joins the others",
                                      "remove-peer", "from a backup"};

fs::path store_of(const Machine& machine) { return raft_of(machine) / "store"; }

void change_store(const Machine& machine, const std::function<void(storage::KvBatch&)>& change) {
    const auto store = io::RocksStore::open(store_of(machine));
    ASSERT_TRUE(store) << store.error().message;
    storage::KvBatch batch;
    change(batch);
    ASSERT_TRUE((*store)->write(batch));
}

raft::Entry last_entry(const Machine& machine) {
    const auto store = io::RocksStore::open_read_only(store_of(machine));
    raft::Entry last;
    const auto keys = storage::raft_keys();
    EXPECT_TRUE(store && (*store)->for_each(keys.first, keys.end, [&](auto key, auto value) {
        if (key.starts_with(storage::log_prefix)) last = *storage::decode_entry(key, value);
        return true;
    }));
    return last;
}

// A machine whose directory is put back to what it was before each damage.
class Patient {
public:
    explicit Patient(Machine& machine) : machine_{machine} { remember(); }
    void remember() {
        fs::remove_all(copy());
        fs::copy(data(), copy(), fs::copy_options::recursive);
    }
    void heal() {
        fs::remove_all(data());
        fs::copy(copy(), data(), fs::copy_options::recursive);
    }
    [[nodiscard]] Machine& machine() { return machine_; }

private:
    [[nodiscard]] fs::path data() const { return machine_.directory() / "data"; }
    [[nodiscard]] fs::path copy() const { return machine_.directory() / "sound"; }
    Machine& machine_;
};

struct Damage {
    std::string why;
    std::function<void(Machine&)> cause;
    std::vector<std::string> told;
};

void expect_refused(Patient& patient, const std::vector<Damage>& damages) {
    for (const Damage& damage : damages) {
        SCOPED_TRACE(damage.why);
        patient.heal();
        damage.cause(patient.machine());
        const std::string printed = refusal_of(patient.machine());
        expect_told(printed, damage.told);
        expect_told(printed, remedy);
    }
    patient.heal();
}

std::size_t count_jobs(Machine& machine) {
    Api api = machine.api();
    std::size_t count = 0;
    EXPECT_TRUE(eventually([&] {
        const auto jobs = api.get("/v1/jobs?consistent");
        count = jobs ? items(*jobs).size() : 0;
        return jobs.has_value();
    }));
    return count;
}

Damage rotten_wal(const std::string& why, const std::string& job) {
    return {why,
            [job](Machine& machine) { rot(spot_of(store_of(machine), ".log", job)); },
            {"/store", ".log", "a record is damaged and good ones follow it"}};
}

Damage lost_end(const std::string& job) {
    return {"acknowledged entries at the end of the write-ahead log are gone",
            [job](Machine& machine) {
                const Spot end = spot_of(store_of(machine), ".log", job);
                fs::resize_file(end.file, end.at);
            },
            {"server/raft", "was durable once, but the log ends with entry"}};
}

Damage rotten_table() {
    return {"a table of the store rotted",
            [](Machine& machine) { rot(spot_of(store_of(machine), ".sst", "job-3")); },
            {"/store", ".sst", "checksum mismatch"}};
}

void rot_entry(const Machine& machine, raft::Index index) {
    change_store(machine, [&](storage::KvBatch& batch) {
        batch.put(storage::log_key(index), "\x01garbage");
    });
}

Damage rotten_entry() {
    return {"an entry does not pass its own check",
            [](Machine& machine) {
                rot_entry(machine, raft::Index{last_entry(machine).index.value() - 4});
            },
            {"server/raft", "is damaged, but entry", "the checksum does not match"}};
}

// Killed, a server may leave entries after the mark, which nobody was told of.
Damage rotten_last_entry() {
    return {"the last entry that was acknowledged does not pass its check",
            [](Machine& machine) {
                const auto mark = storage::decode_mark(content_of(raft_of(machine) / "mark"));
                ASSERT_TRUE(mark) << mark.error().message;
                change_store(machine, [&](storage::KvBatch& batch) {
                    batch.erase_range(storage::log_key(next(mark->index)),
                                      storage::log_key(raft::Index{~std::uint64_t{0}}));
                });
                rot_entry(machine, mark->index);
            },
            // By the mark or, where the store knew of its commit in time, by that.
            {"server/raft", ", and is damaged", "the checksum does not match"}};
}

// What a crash leaves of a write that nobody was told of: cut short by the file system, or whole
// for the store and torn inside.
void expect_torn_ends_are_cut(Machine& machine, std::size_t jobs) {
    const raft::Entry last = last_entry(machine);
    raft::WriteLog write;
    write.entries.push_back({last.term, next(last.index), raft::EntryKind::normal,
                             std::make_shared<const std::string>("nobody was told")});
    change_store(machine, [&](auto& batch) { batch = storage::encode(write); });
    const Spot torn = spot_of(store_of(machine), ".log", "nobody was told");
    fs::resize_file(torn.file, torn.at + 4);
    machine.start();
    EXPECT_EQ(count_jobs(machine), jobs);

    machine.kill();
    const raft::Index end = last_entry(machine).index;
    rot_entry(machine, next(end));
    machine.start();
    EXPECT_EQ(count_jobs(machine), jobs);
    expect_told(content_of(machine.log()),
                {"cut the log after entry " + std::to_string(end.value())});
}

TEST(CorruptLog, what_was_acknowledged_is_there_or_the_server_says_why_it_does_not_start) {
    LoneServer server{""};
    Machine& machine = server.machine();
    server.register_jobs(job_count);
    machine.kill();
    Patient patient{machine};
    expect_refused(patient, {rotten_wal("killed, and a record in the middle rotted", "job-3"),
                             lost_end("job-6"), rotten_entry(), rotten_last_entry()});

    // It starts from the sound files, and stops in order: the log is now in a table as well.
    machine.start();
    ASSERT_EQ(count_jobs(machine), std::size_t{job_count});
    for (const std::string id : {"later-3", "later-6", "later-7"}) {
        ASSERT_EQ(machine.api().register_job(register_job(id, 1, 0)).fate, Written::Fate::done);
    }
    ASSERT_EQ(machine.stop(), 0);
    patient.remember();
    expect_refused(patient, {rotten_wal("stopped, and a record in the middle rotted", "later-3"),
                             lost_end("later-7"), rotten_table(), rotten_entry()});
    expect_torn_ends_are_cut(machine, job_count + 3);
}

std::string peers_of(Machine& server) {
    const auto answer = server.api().get("/v1/operator/raft/configuration");
    return answer ? schema::print_json(*answer, false) : "";
}

TEST(CorruptLog, in_a_cluster_the_told_remedy_brings_the_server_back_as_a_new_one) {
    Cluster cluster;
    for (std::size_t i = 0; i < 3; ++i) cluster.server(i).start();
    ASSERT_TRUE(eventually([&] { return cluster.leader().has_value(); }));
    const std::size_t sick = (*cluster.leader() + 1) % 3;
    Machine& machine = cluster.server(sick);
    Api api = cluster.server(*cluster.leader()).api();
    for (int i = 1; i <= job_count; ++i) {
        ASSERT_EQ(api.register_job(register_job("job-" + std::to_string(i), 1, 0)).fate,
                  Written::Fate::done);
    }
    ASSERT_TRUE(eventually([&] { return cluster.agrees(); }));
    const std::string old_id =
        content_of(machine.directory() / "data/server/node-id").substr(0, 36);
    machine.kill();
    rot(spot_of(store_of(machine), ".log", "job-3"));
    const std::string printed = refusal_of(machine);
    expect_told(printed, {"a record is damaged and good ones follow it"});
    expect_told(printed, remedy);
    ASSERT_EQ(api.register_job(register_job("meanwhile", 1, 0)).fate, Written::Fate::done);

    fs::rename(machine.directory() / "data/server", machine.directory() / "kept");
    machine.start();
    std::string output;
    Machine& asked = cluster.server((sick + 1) % 3);
    ASSERT_EQ(asked.command({"operator", "raft", "remove-peer", "-peer-id", old_id}, output), 0)
        << output;
    ASSERT_TRUE(eventually([&] { return cluster.agrees(); }));
    EXPECT_EQ(cluster.job_ids(sick).size(), std::size_t{job_count + 1});
    ASSERT_TRUE(eventually([&] {
        const auto peers = asked.api().get("/v1/operator/raft/configuration");
        const auto& servers = items(at(*peers, {"Servers"}));
        return servers.size() == 3 && std::all_of(servers.begin(), servers.end(), [](auto& one) {
                   return at(one, {"Voter"}) == Json{true};
               });
    })) << peers_of(asked);
    EXPECT_EQ(peers_of(asked).find(old_id), std::string::npos) << peers_of(asked);
}

}  // namespace
}  // namespace drover::agent::cluster
