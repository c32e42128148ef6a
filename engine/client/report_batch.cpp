#include "engine/client/report_batch.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/client/instants.hpp"

namespace drover::client {
namespace {

constexpr Duration request_timeout = std::chrono::seconds{30};

// Whether the servers' copy says in every field of ours what we would say.
bool known(const schema::Allocation& report, const schema::Allocation& copy) {
    schema::Allocation theirs;
    theirs.set_id(report.id());
    theirs.set_namespace_(report.namespace_());
    theirs.set_node_id(report.node_id());
    theirs.set_job_id(report.job_id());
    theirs.set_task_group(report.task_group());
    theirs.set_client_status(copy.client_status());
    theirs.set_client_description(copy.client_description());
    *theirs.mutable_task_states() = copy.task_states();
    if (copy.has_deployment_status()) {
        *theirs.mutable_deployment_status() = copy.deployment_status();
    }
    schema::Allocation ours = report;
    ours.clear_network_status();
    if (ours.has_deployment_status() && theirs.has_deployment_status()) {
        // Minted by the servers.
        ours.mutable_deployment_status()->set_modify_index(
            theirs.deployment_status().modify_index());
    }
    return ours.SerializeAsString() == theirs.SerializeAsString();
}

}  // namespace

schema::Allocation ReportBatch::Report::message() const {
    schema::Allocation report;
    ENSURE(report.ParseFromString(bytes));  // written here
    return report;
}

void ReportBatch::refresh(Slot& slot, Instant now) {
    const bool told = !slot.repeated && slot.acknowledged && *slot.acknowledged == *slot.latest;
    if (told) {
        slot.waiting_since.reset();
        slot.urgent = false;
        return;
    }
    if (!slot.waiting_since) slot.waiting_since = now;
    const auto& status = slot.latest->client_status;
    slot.urgent =
        slot.acknowledged ? slot.acknowledged->client_status != status : status != "pending";
    if (slot.repeated) slot.urgent = true;
    const bool told_before = slot.acknowledged && slot.acknowledged->judged;
    if (slot.latest->judged && !told_before) slot.urgent = true;
}

void ReportBatch::queue(const Uuid& id, const Slot& slot) {
    if (slot.waiting_since) {
        waiting_.insert(id);
    } else {
        waiting_.erase(id);
    }
    urgent_.set(id, slot.urgent ? slot.waiting_since : std::nullopt);
    lazy_.set(id, slot.urgent ? std::nullopt : slot.waiting_since);
}

void ReportBatch::offer(const Uuid& id, const schema::Allocation& report, Instant now) {
    auto& slot = slots_[id];
    Report told{report.SerializeAsString(), report.client_status(),
                report.deployment_status().has_healthy()};
    if (slot.latest && *slot.latest == told) return;
    slot.latest = std::make_shared<const Report>(std::move(told));
    refresh(slot, now);
    queue(id, slot);
}

void ReportBatch::withdraw(const Uuid& id) {
    slots_.erase(id);
    queue(id, {});
}

void ReportBatch::servers_believe(const schema::Allocation& allocation, std::uint64_t index,
                                  Instant now) {
    const auto id = Uuid::from_raw(allocation.id());
    if (!id) return;
    const auto found = slots_.find(*id);
    if (found == slots_.end() || !found->second.latest) return;
    if (flight_ && flight_->reports.contains(*id)) return;  // it tells them in a moment
    auto& slot = found->second;
    if (index < slot.acknowledged_index) return;
    if (slot.compared == slot.latest && slot.compared_index == allocation.modify_index()) return;
    slot.compared = slot.latest;
    slot.compared_index = allocation.modify_index();
    if (known(slot.latest->message(), allocation)) {
        slot.acknowledged = slot.latest;
        slot.contradicted.clear();
    } else if (slot.acknowledged &&
               slot.acknowledged->client_status == allocation.client_status()) {
        slot.contradicted.clear();
    } else if (slot.acknowledged && slot.contradicted != allocation.client_status()) {
        // Once per belief of theirs: if they insist, they have their reasons.
        slot.contradicted = allocation.client_status();
        slot.acknowledged.reset();
    }
    refresh(slot, now);
    queue(*id, slot);
}

void ReportBatch::repeat(Instant now) {
    for (auto& [id, slot] : slots_) {
        const auto& status = slot.latest->client_status;
        if (status != "pending" && status != "running") continue;
        slot.repeated = true;
        refresh(slot, now);
        queue(id, slot);
    }
}

std::optional<Instant> ReportBatch::deadline(const Config& config) const {
    if (flight_ || waiting_.empty() || !allowed_) return std::nullopt;
    if (retry_at_) return retry_at_;
    std::optional<Instant> due = urgent_.next();
    if (const auto since = lazy_.next()) {
        due = earlier(due, after(*since, config.report_interval_lazy));
    }
    return std::max(*due, window_start_);
}

void ReportBatch::advance(Post& post, Turn& turn) {
    const auto due = deadline(turn.config);
    if (!due || turn.now < *due) return;
    schema::Request request;
    Flight flight;
    for (const auto& id : waiting_) {
        if (flight.reports.size() >= std::max(turn.config.report_batch_max, 1U)) break;
        const auto& latest = slots_.at(id).latest;
        *request.mutable_update_allocations()->add_allocations() = latest->message();
        flight.reports.emplace(id, latest);
    }
    flight.ticket = post.send(std::move(request), request_timeout, turn);
    flight_ = std::move(flight);
    retry_at_.reset();
    window_start_ = after(turn.now, turn.config.report_interval);
}

ReportBatch::Outcome ReportBatch::on(const ResponseReceived& news, Turn& turn) {
    if (!flight_ || flight_->ticket != news.ticket) return Outcome::not_ours;
    const auto& response = *news.response;
    if (response.has_failure()) {
        failed(response.failure().message(), turn);
        return says_node_unknown(response) ? Outcome::node_unknown : Outcome::refused;
    }
    for (const auto& [id, report] : flight_->reports) {
        const auto found = slots_.find(id);
        if (found == slots_.end()) continue;
        auto& slot = found->second;
        slot.acknowledged = report;
        slot.acknowledged_index = response.index();
        slot.waiting_since.reset();
        slot.repeated = false;
        refresh(slot, turn.now);
        queue(id, slot);
    }
    flight_.reset();
    failures_ = 0;
    return Outcome::taken;
}

bool ReportBatch::on(const RequestFailed& news, Turn& turn) {
    if (!flight_ || flight_->ticket != news.ticket) return false;
    failed(news.reason, turn);
    return true;
}

void ReportBatch::failed(const std::string& reason, Turn& turn) {
    flight_.reset();
    ++failures_;
    const Duration delay =
        retry_delay(turn.config.retry_first, turn.config.report_retry, failures_, turn.prng);
    retry_at_ = after(turn.now, delay);
    turn.report(Severity::warning, "reporting the allocations failed: " + reason);
}

}  // namespace drover::client
