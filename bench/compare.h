// The same measurement on the host's kernel and on graft: a benchmark runs itself in both places, in turns, and prints the medians' ratio.
//
// A place that refuses (the host without root, say) is said, and then there is no ratio.
#pragma once

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bench {

// What was measured, in the order in which it was printed.
struct Figure {
    std::string name;
    double value = 0;
};

inline void print_figure(const char* name, double value) {
    std::printf("%s\t%.6g\n", name, value);
    std::fflush(stdout);
}

inline std::string own_path() {
    std::array<char, 4096> path{};
    return {path.data(), static_cast<size_t>(std::max<ssize_t>(readlink("/proc/self/exe", path.data(), path.size()), 0))};
}

// A run of this program with the word "measure" at its end.
inline std::vector<Figure> run_once(const std::string& before) {
    std::vector<Figure> figures;
    const std::string self = own_path();
    std::FILE* pipe = popen((before + "'" + self + "' measure").c_str(), "r");
    if (pipe == nullptr) return figures;
    std::array<char, 256> line;
    while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
        char* tab = std::strchr(line.data(), '\t');
        if (tab != nullptr) figures.push_back({std::string(line.data(), tab), std::strtod(tab + 1, nullptr)});
    }
    return pclose(pipe) == 0 ? figures : std::vector<Figure>();
}

class Medians {
public:
    void add(const std::vector<Figure>& figures) {
        for (const Figure& figure : figures) values_[figure.name].push_back(figure.value);
    }
    [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
    double of(const std::string& name) {
        std::vector<double>& all = values_[name];
        std::ranges::sort(all);
        return all[all.size() / 2];
    }

private:
    std::map<std::string, std::vector<double>> values_;
};

// unit: of the figures, printed behind them.
inline int compare(int argc, char** argv, const std::function<int()>& measure, int repetitions, const char* unit) {
    if (argc == 2 && std::strcmp(argv[1], "measure") == 0) return measure();
    const std::string graft = own_path().substr(0, own_path().rfind('/')) + "/graft";
    Medians host, here;
    std::vector<std::string> names;
    for (int i = 0; i < repetitions; ++i) {
        host.add(run_once(""));
        const std::vector<Figure> figures = run_once("'" + graft + "' run --private -- ");
        if (figures.empty()) {
            fmt::print(stderr, "graft refuses to be measured\n");
            return 1;
        }
        here.add(figures);
        if (i == 0) {
            for (const Figure& figure : figures) names.push_back(figure.name);
        }
    }
    for (const std::string& name : names) {
        if (host.has(name)) {
            fmt::print("{}: graft {:.4g} {}, host {:.4g} {}: {:.2f} x\n", name, here.of(name), unit, host.of(name), unit,
                       here.of(name) / host.of(name));
        } else {
            fmt::print("{}: graft {:.4g} {}; the host refuses it here\n", name, here.of(name), unit);
        }
    }
    return 0;
}

}  // namespace bench
