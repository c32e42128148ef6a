// The executor alone, for tests of the drivers that run without the agent.
#include "drivers/executor.hpp"

int main(int argc, char** argv) { return drover::drivers::executor_main(argc, argv); }
