// The job files that `job init` writes: they run as they are on an agent in dev mode.
#pragma once

#include <string_view>

namespace drover::agent::cli {

inline constexpr std::string_view example_job = R"hcl(# Runs without root or containers.
# Try it:  drover agent -dev          (in another terminal)
#          drover job run example.nomad.hcl
job "example" {
  # "service" runs until it is stopped; "batch" runs until it is done.
  type = "service"

  # How a change is rolled out: one allocation at a time, each healthy for a while before the next.
  update {
    max_parallel     = 1
    min_healthy_time = "3s"
    healthy_deadline = "1m"
  }

  # A group is what is placed together on one node; count says how many of them.
  group "web" {
    count = 1

    # What happens on the node when a task exits although it should not.
    restart {
      attempts = 2
      interval = "30m"
      delay    = "5s"
      mode     = "fail"
    }

    task "server" {
      # raw_exec runs a program as it is, without isolation.
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo hello from ${NOMAD_ALLOC_ID}; while true; do date; sleep 5; done"]
      }

      # What the scheduler sets aside: MHz and MiB.
      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
)hcl";

inline constexpr std::string_view short_example_job = R"hcl(job "example" {
  type = "service"

  group "web" {
    count = 1

    task "server" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "while true; do date; sleep 5; done"]
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
)hcl";

}  // namespace drover::agent::cli
