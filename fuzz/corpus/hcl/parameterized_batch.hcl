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
