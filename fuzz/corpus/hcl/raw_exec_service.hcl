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
