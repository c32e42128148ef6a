# every kind of syntax once
variable "list" { default = [1, 2.5e3, -3] }
variable "map" { default = { k = 1, "l" : 2, (upper("m")) = 3 } }
locals {
  z = [for i, v in var.list : "${i}" if v > 1 && !false || i == 2]
  w = {for k, v in var.map : v % 2 => k...}
  u = true ? var.list.*.e : var.list[*]
  h = <<-EOT
    %{ for x in var.list ~}
    - ${~ x } $${y} %%{z}
    %{ endfor }
    EOT
  f = max(1, var.list...) /* c */ + length(try(nope.x, []))
  s = "t\n\u00e9 ${format("%05.1f|%-4s", 1.5, "a")} ${regex_replace("a1", "[0-9]", "<$0>")}"
}
job "a" { // one line
  name = local.s
  dynamic "group" {
    for_each = var.list
    iterator = g
    labels   = ["g${g.key}"]
    content { count = g.value }
  }
}
