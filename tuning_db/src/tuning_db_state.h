// What a TuningDb holds, and what its parts share.
#pragma once

#include <string>

#include "fftconv/tuning_db.h"
#include "store.h"
#include "trial_row.h"

namespace fftconv {

struct TuningDb::State {
  Store store;
  bool shipped = false;

  /// For read_trial()'s callers: logs an unsound row.
  std::function<void(const std::string&)> complain() {
    return [this](const std::string& event) { store.say(event); };
  }
};

const StoreSpec& tuning_store();

/// Whether `a` replaces `b` in a merge: the later one; on equal times one that is the same from either side.
bool wins_over(const Trial& a, const Trial& b);

/// Adds trials in one transaction by wins_over(); counts those that are new or replaced another.
Result<int> add_trials(Store& store, const std::vector<Trial>& trials);

}  // namespace fftconv
