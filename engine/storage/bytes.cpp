// See bytes.hpp. A configuration is four lists of ids, each with its count, and a flag.
#include "engine/storage/bytes.hpp"

namespace drover::storage {
namespace {

void put_ids(std::string& out, const std::set<raft::RaftId>& ids) {
    put_u32(out, static_cast<std::uint32_t>(ids.size()));
    for (const auto id : ids) put_u64(out, id.value());
}

std::set<raft::RaftId> take_ids(ByteReader& in) {
    std::set<raft::RaftId> ids;
    for (std::uint32_t left = in.u32(); left > 0 && !in.failed(); --left) {
        const std::uint64_t id = in.u64();
        if (!in.failed()) ids.insert(raft::RaftId{id});
    }
    return ids;
}

}  // namespace

void put_conf(std::string& out, const raft::ConfState& conf) {
    put_ids(out, conf.voters);
    put_ids(out, conf.learners);
    put_ids(out, conf.voters_outgoing);
    put_ids(out, conf.learners_next);
    put_u8(out, conf.auto_leave ? 1 : 0);
}

raft::ConfState take_conf(ByteReader& in) {
    raft::ConfState conf;
    conf.voters = take_ids(in);
    conf.learners = take_ids(in);
    conf.voters_outgoing = take_ids(in);
    conf.learners_next = take_ids(in);
    conf.auto_leave = in.u8() != 0;
    return conf;
}

}  // namespace drover::storage
