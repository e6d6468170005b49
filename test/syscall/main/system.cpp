// Asks the kernel that this process runs on.
#include "main/run.h"

int main(int argc, char** argv) { return test::run_all(argc, argv); }
