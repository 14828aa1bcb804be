#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include "support.hpp"

/// One of the files in tests/reference: arrays by name.
class Reference {
  public:
    explicit Reference(const std::string& name) {
        const char* root = std::getenv("XGRAD_SOURCE_ROOT");
        const std::string path = std::string(root ? root : ".") + "/tests/reference/" + name + ".txt";
        std::ifstream file(path);
        if (!file) throw std::runtime_error("cannot read " + path + "; set XGRAD_SOURCE_ROOT to the project's root");
        std::string key;
        std::size_t rank = 0;
        while (file >> key >> rank) {
            std::vector<std::size_t> shape(rank);
            for (std::size_t& extent : shape) file >> extent;
            xt::xarray<double> array(shape);
            for (double& value : array) {
                // A stream reads neither inf nor nan.
                std::string word;
                if (file >> word) value = std::strtod(word.c_str(), nullptr);
            }
            if (!file) throw std::runtime_error(path + ": " + key + " is not complete");
            arrays_.emplace(key, std::move(array));
        }
    }

    const xt::xarray<double>& operator[](const std::string& key) const { return arrays_.at(key); }
    const std::map<std::string, xt::xarray<double>>& arrays() const { return arrays_; }

  private:
    std::map<std::string, xt::xarray<double>> arrays_;
};
