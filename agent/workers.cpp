#include "agent/workers.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace drover::agent {

struct Workers::Pool {
    explicit Pool(unsigned threads) : threads{threads} {}
    boost::asio::thread_pool threads;
};

Workers::Workers(unsigned threads) : pool_{std::make_unique<Pool>(threads)} {}

Workers::~Workers() { stop(); }

void Workers::post(std::function<void()> work) { boost::asio::post(pool_->threads, std::move(work)); }

void Workers::stop() {
    pool_->threads.stop();
    pool_->threads.join();
}

}  // namespace drover::agent
