// Regression by trees on rows whose law is known.
#include "fftconv/forest.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using fftconv::Forest;

namespace {

double law(const std::vector<double>& row) { return row[0] > 0.5 && row[1] > 0.5 ? 1.0 : row[2] > 0.8 ? -0.5 : 0.0; }

struct Rows {
  std::vector<std::vector<double>> features;
  std::vector<double> targets, weights;
};

Rows rows(int count, unsigned seed, double noise) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal(0, 1);
  Rows made;
  for (int i = 0; i < count; ++i) {
    made.features.push_back({uniform(random), uniform(random), uniform(random), uniform(random)});
    made.targets.push_back(law(made.features.back()) + noise * normal(random));
    made.weights.push_back(1);
  }
  return made;
}

/// Few features: each node looks at all of them.
Forest fit(const Rows& known, double least_of_leaf = 3) {
  return Forest::fit(known.features, known.targets, known.weights,
                     {.least_of_leaf = least_of_leaf, .share_of_features = 1});
}

double deviation(const Forest& forest) {
  const Rows unseen = rows(500, 99, 0);
  double squares = 0;
  for (std::size_t i = 0; i < 500; ++i)
    squares += std::pow(forest.predict(unseen.features[i]) - unseen.targets[i], 2);
  return std::sqrt(squares / 500);
}

}  // namespace

TEST_CASE("an interaction of features is learned, through noise") {
  const double spread = deviation(Forest());
  CHECK(spread > 0.4);
  const Rows known = rows(1000, 1, 0.1);
  CHECK(deviation(fit(known)) < 0.35 * spread);
}

TEST_CASE("rows of little weight have little say") {
  Rows known = rows(1000, 2, 0.0);
  const Rows wrong = rows(1000, 3, 0.0);
  for (std::size_t i = 0; i < wrong.features.size(); ++i) {
    known.features.push_back(wrong.features[i]);
    known.targets.push_back(5);
    known.weights.push_back(1e-4);
  }
  CHECK(deviation(fit(known, 30)) < 0.2);
}

TEST_CASE("the same rows give the same forest; none give a forest that says nothing") {
  const Rows known = rows(200, 4, 0.1), unseen = rows(20, 5, 0);
  const Forest one = Forest::fit(known.features, known.targets, known.weights);
  const Forest two = Forest::fit(known.features, known.targets, known.weights);
  for (const auto& row : unseen.features) CHECK(one.predict(row) == two.predict(row));
  CHECK(Forest::fit({}, {}, {}).predict(unseen.features[0]) == 0);
  // Features that never differ leave the weighted mean.
  const std::vector<std::vector<double>> alike(9, std::vector<double>{1, 2});
  const std::vector<double> targets{1, 1, 1, 1, 1, 1, 1, 1, 10}, weights{1, 1, 1, 1, 1, 1, 1, 1, 2};
  CHECK(Forest::fit(alike, targets, weights).predict(alike[0]) == doctest::Approx(2.8));
}
