"data_dir" = "/var/lib/drover"
bind_addr = "{{ GetPrivateIP }}"
server {
  enabled          = true
  bootstrap_expect = 3
  server_join { retry_join = ["a:4648", "b:4648"] }
}
client { meta { "rack" = "r1", zone = "${ZONE}" } }
plugin "raw_exec" { config { enabled = true } }
