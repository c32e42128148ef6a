// What touches the host beside tasks: directories, process identities, the node's facts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "drivers/alloc_dir.hpp"
#include "drivers/fingerprint.hpp"
#include "drivers/host_environment.hpp"
#include "drivers/process.hpp"
#include "drivers/signals.hpp"
#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

unsigned mode_of(const std::string& path) {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0U;
}

bool exists(const std::string& path) {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0;
}

TEST(AllocDir, the_tree_is_built_once_and_kept_afterwards) {
    TemporaryDirectory root;
    const AllocDir dir{root.path() + "/allocs", "a1"};
    ASSERT_TRUE(dir.build().has_value());
    ASSERT_TRUE(dir.build_task("web", "").has_value());
    for (const char* path :
         {"/alloc/data", "/alloc/logs", "/alloc/tmp", "/web", "/web/local", "/web/tmp"}) {
        EXPECT_EQ(mode_of(dir.path() + path), 01777U) << path;
    }
    EXPECT_EQ(mode_of(dir.secrets("web")), 0700U);
    EXPECT_EQ(mode_of(dir.shared()), 0755U);
    ASSERT_TRUE(replace_file(dir.local("web"), "kept", "x", Durability::process_crash));
    ASSERT_TRUE(dir.build().has_value());
    ASSERT_TRUE(dir.build_task("web", "").has_value());
    EXPECT_EQ(content_of(dir.local("web") + "/kept"), "x");
}

TEST(AllocDir, secrets_belong_to_the_user_of_the_task) {
    if (::geteuid() != 0) GTEST_SKIP() << "giving files away needs root";
    TemporaryDirectory root;
    const AllocDir dir{root.path(), "a1"};
    ASSERT_TRUE(dir.build().has_value());
    ASSERT_TRUE(dir.build_task("web", "nobody").has_value());
    struct stat info{};
    ASSERT_EQ(::stat(dir.secrets("web").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 65534U);
    EXPECT_EQ(dir.build_task("web", "no-such-user").error().code, Errc::not_found);
}

TEST(AllocDir, names_that_would_lead_elsewhere_are_refused) {
    TemporaryDirectory root;
    for (const char* id : {"", ".", "..", "a/b", "../x"}) {
        EXPECT_FALSE(AllocDir(root.path(), id).build().has_value()) << id;
        EXPECT_FALSE(AllocDir(root.path(), id).destroy().has_value()) << id;
    }
    EXPECT_FALSE(AllocDir("relative", "a1").build().has_value());
    const AllocDir dir{root.path(), "a1"};
    ASSERT_TRUE(dir.build().has_value());
    for (const char* task : {"", "..", "a/b", "alloc"}) {
        EXPECT_FALSE(dir.build_task(task, "").has_value()) << task;
    }
}

TEST(AllocDir, a_link_planted_in_place_of_a_directory_is_refused) {
    TemporaryDirectory root;
    const AllocDir dir{root.path(), "a1"};
    ASSERT_TRUE(dir.build().has_value());
    ASSERT_TRUE(make_directories(root.path() + "/elsewhere", 0700).has_value());
    ASSERT_EQ(::symlink((root.path() + "/elsewhere").c_str(), dir.task("web").c_str()), 0);
    EXPECT_FALSE(dir.build_task("web", "").has_value());
    EXPECT_EQ(mode_of(root.path() + "/elsewhere"), 0700U);
}

TEST(AllocDir, destroying_never_follows_a_link_out) {
    TemporaryDirectory root;
    const std::string outside = root.path() + "/outside";
    ASSERT_TRUE(make_directories(outside, 0755).has_value());
    ASSERT_TRUE(replace_file(outside, "precious", "x", Durability::process_crash));
    const AllocDir dir{root.path() + "/allocs", "a1"};
    ASSERT_TRUE(dir.build().has_value());
    ASSERT_TRUE(dir.build_task("web", "").has_value());
    ASSERT_EQ(::symlink(outside.c_str(), (dir.local("web") + "/link").c_str()), 0);
    ASSERT_EQ(::symlink("..", (dir.local("web") + "/up").c_str()), 0);
    ASSERT_EQ(::link((outside + "/precious").c_str(), (dir.local("web") + "/hard").c_str()), 0);
    EXPECT_TRUE(dir.destroy().has_value());
    EXPECT_FALSE(exists(dir.path()));
    EXPECT_EQ(content_of(outside + "/precious"), "x");
    EXPECT_TRUE(dir.destroy().has_value()) << "what is gone is destroyed";
}

TEST(RemoveTree, depth_breadth_and_modes_do_not_stop_it) {
    TemporaryDirectory root;
    const std::string tree = root.path() + "/tree";
    ASSERT_TRUE(make_directories(tree, 0755).has_value());
    // Deeper than any path may be long, so it is built from within.
    const int home = ::open(".", O_RDONLY | O_DIRECTORY);
    ASSERT_EQ(::chdir(tree.c_str()), 0);
    for (int depth = 0; depth < 800; ++depth) {
        ASSERT_EQ(::mkdir("deeper-and-deeper", 0755), 0);
        ASSERT_EQ(::chdir("deeper-and-deeper"), 0);
    }
    ASSERT_EQ(::fchdir(home), 0);
    ::close(home);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(make_directories(tree + "/wide/" + std::to_string(i), 0755).has_value());
    }
    ASSERT_TRUE(replace_file(tree + "/wide", "file", "x", Durability::process_crash));
    ::chmod((tree + "/wide").c_str(), 0000);
    EXPECT_TRUE(remove_tree(tree).has_value());
    EXPECT_FALSE(exists(tree));
}

TEST(RemoveTree, a_link_is_removed_and_its_target_kept) {
    TemporaryDirectory root;
    ASSERT_TRUE(make_directories(root.path() + "/target/inner", 0755).has_value());
    ASSERT_EQ(::symlink((root.path() + "/target").c_str(), (root.path() + "/link").c_str()), 0);
    EXPECT_TRUE(remove_tree(root.path() + "/link").has_value());
    EXPECT_FALSE(exists(root.path() + "/link"));
    EXPECT_TRUE(exists(root.path() + "/target/inner"));
    EXPECT_TRUE(remove_tree(root.path() + "/nothing/here").has_value());
}

TEST(Process, the_line_of_a_process_is_read_whatever_its_name) {
    const auto stat =
        parse_stat("12 (a) b (c) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1000 10 184\n");
    ASSERT_TRUE(stat.has_value());
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 7);
    EXPECT_EQ(stat->group, 8);
    EXPECT_EQ(stat->session, 9);
    EXPECT_EQ(stat->start_ticks, 4242U);
    for (const char* line : {"", "12", "12 (a", "12 (a) S", "12 (a) S 1 2 3"}) {
        EXPECT_FALSE(parse_stat(line).has_value()) << line;
    }
}

TEST(Process, the_same_number_is_not_the_same_process) {
    const auto self = *identify(::getpid());
    EXPECT_TRUE(is_alive(self));
    for (auto change : {0, 1, 2}) {
        ProcessId other = self;
        if (change == 0) other.start_ticks += 1;
        if (change == 1) other.boot = "another";
        if (change == 2) other.pid = 0;
        EXPECT_FALSE(is_alive(other));
        EXPECT_EQ(watch_process(other).error().code, Errc::not_found);
        signal_process(other, SIGKILL);  // were it delivered, nothing below would run
    }
}

TEST(Process, a_zombie_has_ended) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
    const auto identity = identify(child);
    ASSERT_TRUE(identity.has_value());
    EXPECT_FALSE(is_alive(*identity));
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(identify(child).has_value());
}

TEST(Signals, names_numbers_and_nonsense) {
    EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
    EXPECT_EQ(parse_signal("term"), SIGTERM);
    EXPECT_EQ(parse_signal("9"), SIGKILL);
    for (const char* name : {"", "0", "-1", "999", "SIG", "SIGSIGTERM", "9x"}) {
        EXPECT_FALSE(parse_signal(name).has_value()) << name;
    }
    EXPECT_EQ(signal_name(SIGINT), "SIGINT");
    EXPECT_EQ(signal_name(63), "signal 63");
    EXPECT_NE(signal_list().find("SIGHUP,SIGILL,SIGINT"), std::string::npos);
}

TEST(Fingerprint, the_kernels_texts_are_read) {
    const auto cpu = parse_cpuinfo(
        "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\n"
        "cpu MHz\t\t: 2000.123\n\nprocessor\t: 1\ncpu MHz\t\t: 999\n");
    EXPECT_EQ(cpu.model, "Some CPU @ 2.00GHz");
    EXPECT_NEAR(cpu.mhz, 2000.123, 0.001);
    EXPECT_EQ(parse_meminfo_total_bytes("MemFree: 1 kB\nMemTotal:       2048 kB\n"), 2097152);
    EXPECT_EQ(parse_meminfo_total_bytes("garbage"), 0);
    EXPECT_EQ(parse_default_route("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
                                  "eth1\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
                                  "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                                  "eth2\t00000000\t0100A8C0\t0002\t0\t0\t1\t00000000\t0\t0\t0\n"
                                  "eth3\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"),
              "eth0");
    EXPECT_EQ(parse_default_route(""), "");
    const auto release = parse_os_release("ID=debian\n# comment\nVERSION_ID=\"12\"\nbroken\n");
    EXPECT_EQ(release.at("ID"), "debian");
    EXPECT_EQ(release.at("VERSION_ID"), "12");
    EXPECT_EQ(architecture_name("x86_64"), "amd64");
    EXPECT_EQ(architecture_name("riscv64"), "riscv64");
    EXPECT_EQ(count_of_ranges("0-3,6"), 5);
    EXPECT_EQ(count_of_ranges(""), 0);
    EXPECT_EQ(count_of_ranges("x,3-1"), 1);
}

TEST(Fingerprint, this_host_has_what_a_scheduler_needs) {
    TemporaryDirectory root;
    FingerprintOptions options;
    options.data_dir = root.path();
    options.network_interface = "lo";
    const auto facts = fingerprint_node(options);
    EXPECT_GE(facts.cpu_cores, 1);
    EXPECT_GE(facts.cpu_total_mhz, facts.cpu_cores);
    EXPECT_GT(facts.memory_mib, 0);
    EXPECT_GT(facts.disk_total_mib, 0);
    EXPECT_GE(facts.disk_total_mib, facts.disk_free_mib);
    EXPECT_EQ(facts.network.device, "lo");
    EXPECT_EQ(facts.network.addresses.front(), "127.0.0.1");
    EXPECT_EQ(facts.network.cidrs.front(), "127.0.0.1/8");
    for (const char* name :
         {"arch", "cpu.arch", "cpu.numcores", "cpu.frequency", "cpu.totalcompute", "kernel.name",
          "kernel.version", "os.signals", "memory.totalbytes", "unique.hostname",
          "unique.network.ip-address", "unique.storage.bytesfree", "numa.node.count"}) {
        EXPECT_FALSE(facts.attributes.at(name).empty()) << name;
    }
}

TEST(Fingerprint, an_operators_figures_replace_what_was_found) {
    FingerprintOptions options;
    options.cpu_total_compute_mhz = 1234;
    options.memory_total_mib = 55;
    options.disk_total_mib = 66;
    options.disk_free_mib = 44;
    options.network_speed_mbits = 77;
    options.network_interface = "no-such-device";
    const auto facts = fingerprint_node(options);
    EXPECT_EQ(facts.cpu_total_mhz, 1234);
    EXPECT_EQ(facts.attributes.at("cpu.totalcompute"), "1234");
    EXPECT_EQ(facts.memory_mib, 55);
    EXPECT_EQ(facts.disk_total_mib, 66);
    EXPECT_EQ(facts.disk_free_mib, 44);
    EXPECT_EQ(facts.network.speed_mbits, 77);
    ASSERT_FALSE(facts.warnings.empty());
    EXPECT_NE(facts.warnings.back().find("no-such-device"), std::string::npos);
}

TEST(HostEnvironment, secrets_of_the_agent_are_filtered) {
    const Environment given{
        {"VAULT_TOKEN", "s"}, {"PATH", "/bin"}, {"X_LICENSE_PATH", "l"}, {"AWS_REGION", "r"}};
    EXPECT_EQ(filter_environment(given, default_environment_denylist()),
              (Environment{{"AWS_REGION", "r"}, {"PATH", "/bin"}}));
}

}  // namespace
}  // namespace drover::drivers
