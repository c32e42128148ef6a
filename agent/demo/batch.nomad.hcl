job "demo-batch" {
  type = "batch"

  group "report" {
    task "count" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "for i in 1 2 3; do echo step $i; done"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
