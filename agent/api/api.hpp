// The HTTP API: Nomad's paths, parameters, headers, status codes and JSON shapes, on top of a
// Backend. Each route turns a request into one question to the servers and the answer into JSON;
// none of them decides anything.
#pragma once

#include <memory>

#include "agent/backend.hpp"
#include "io/http.hpp"
#include "io/http_server.hpp"

namespace drover::agent {

class Api {
public:
    // The backend outlives the API.
    explicit Api(Backend& backend);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    // Never blocks; the answer comes through the responder.
    void handle(io::HttpRequest request, io::HttpResponder responder);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::agent
