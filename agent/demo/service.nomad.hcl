job "demo-service" {
  type = "service"

  update {
    min_healthy_time = "1s"
    healthy_deadline = "30s"
  }

  group "web" {
    count = 2

    task "server" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo serving as ${NOMAD_ALLOC_NAME}; while true; do sleep 1; done"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
