variable "image_tag" {
  type        = string
  default     = "v1"
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
