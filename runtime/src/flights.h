// Work that several threads ask for at once is done by the first; the others wait and get the same answer.
#pragma once

#include <future>
#include <map>
#include <mutex>
#include <string>

#include "caught.h"
#include "fftconv/result.h"

namespace fftconv {

template <class T>
class Flights {
 public:
  /// `work()` of the one caller that came first; nothing is remembered once it is done. An exception is the error of
  /// all who wait for it, and the next who asks tries again.
  template <class Work>
  Result<T> join(const std::string& key, Work work) {
    std::promise<Result<T>> promise;
    std::shared_future<Result<T>> other;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = flights_.find(key); found != flights_.end()) {
        other = found->second;
      } else {
        flights_.emplace(key, promise.get_future().share());
      }
    }
    if (other.valid()) return other.get();
    Result<T> done = caught(work);
    {
      const std::lock_guard lock(mutex_);
      flights_.erase(key);
    }
    promise.set_value(done);
    return done;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_future<Result<T>>> flights_;
};

}  // namespace fftconv
