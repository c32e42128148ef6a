// Job files as people write them, for several tests.
#pragma once

#include <string_view>

namespace drover::jobspec::samples {

inline constexpr std::string_view raw_exec_service = R"(
job "greeter" {
  group "main" {
    count = 2
    task "server" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "echo ${NOMAD_ALLOC_ID} on ${node.unique.name}; sleep ${HOLD}"]
      }
      env {
        HOLD = 3600
      }
      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
)";

inline constexpr std::string_view docker_web = R"(
variable "image_tag" {
  type        = string
  description = "What to run"
}

variable "ports" {
  type    = map(number)
  default = { http = 8080, metrics = 9090 }
  validation {
    condition     = length(var.ports) > 0
    error_message = "At least one port is needed."
  }
}

variables {
  replicas = 3
}

locals {
  image = "registry.local/web:${var.image_tag}"
  tags  = [for name, port in var.ports : "${name}=${port}"]
}

job "web" {
  datacenters = ["dc1", "dc2"]
  meta = { "team.name" = "edge", tier = 1 }

  update {
    max_parallel = 2
    canary       = 1
    min_healthy_time = "15s"
  }

  constraint {
    attribute = attr.kernel.name
    value     = "linux"
  }
  constraint {
    distinct_hosts = true
  }
  affinity {
    attribute = "${node.class}"
    regexp    = "^fast"
    weight    = 80
  }
  spread {
    attribute = "${node.datacenter}"
    target "dc1" { percent = 60 }
    target "dc2" { percent = 40 }
  }

  vault {
    role = "web"
  }

  group "front" {
    count = var.replicas

    network {
      mode = "bridge"
      dynamic "port" {
        for_each = var.ports
        labels   = [port.key]
        content {
          to = port.value
        }
      }
      port "admin" { static = 9999 }
    }

    service {
      name     = "web"
      port     = "http"
      provider = "nomad"
      tags     = local.tags
      check {
        type     = "http"
        path     = "/health"
        interval = "10s"
        timeout  = "2s"
        header {
          Accept = ["text/plain"]
        }
      }
      check_restart {
        limit = 3
        grace = "30s"
      }
    }

    volume "data" {
      type      = "host"
      source    = "data"
      read_only = true
    }

    task "server" {
      driver = "docker"
      config {
        image = local.image
        ports = keys(var.ports)
        mount {
          type   = "bind"
          target = "/etc/web"
        }
        mount {
          type   = "tmpfs"
          target = "/tmp"
        }
        labels {
          app = "web"
        }
      }
      volume_mount {
        volume      = "data"
        destination = "/data"
      }
      template {
        destination = "local/web.conf"
        change_mode = "signal"
        data        = <<-EOT
          listen {{ env "NOMAD_PORT_http" }}
          {{ range service "db" }}
            db {{ .Address }}
          {{ end }}
          tag ${var.image_tag}
        EOT
      }
      artifact {
        source = "https://example.com/web.tgz"
        options {
          checksum = "sha256:abc"
        }
      }
      identity {
        env = true
      }
      identity {
        name = "db"
        aud  = ["db.example.com"]
        ttl  = "1h"
      }
      logs {
        max_files     = 2
        max_file_size = 5
      }
      kill_timeout = "20s"
    }
  }
}
)";

inline constexpr std::string_view periodic_batch = R"(
job "report" {
  type     = "batch"
  priority = 20
  periodic {
    crons            = ["0 3 * * *"]
    prohibit_overlap = true
    time_zone        = "Europe/Zurich"
  }
  group "run" {
    restart {
      attempts = 1
      mode     = "fail"
    }
    task "wait" {
      driver = "raw_exec"
      lifecycle {
        hook = "prestart"
      }
      config { command = "/bin/true" }
    }
    task "make" {
      driver = "raw_exec"
      config { command = "/usr/bin/report" }
      restart { attempts = 5 }
    }
  }
}
)";

inline constexpr std::string_view parameterized_batch = R"(
job "encode" {
  type = "batch"
  parameterized {
    payload       = "required"
    meta_required = ["codec"]
  }
  task "encode" {
    driver = "exec"
    config {
      command = "/usr/bin/encode"
      args    = ["${NOMAD_META_codec}"]
    }
    dispatch_payload {
      file = "input.bin"
    }
  }
}
)";

}  // namespace drover::jobspec::samples
