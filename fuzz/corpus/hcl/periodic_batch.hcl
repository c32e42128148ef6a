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
