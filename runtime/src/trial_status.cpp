#include "trial_status.h"

namespace fftconv {

bool of_the_machine(ErrorCode code) {
  switch (code) {
    case ErrorCode::io:
    case ErrorCode::dependency_missing:
    case ErrorCode::device_missing:
    case ErrorCode::out_of_memory:
    case ErrorCode::busy:
      return true;
    default:
      return false;
  }
}

TrialStatus status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unsupported:
    case ErrorCode::invalid_argument:
      return TrialStatus::illegal;
    case ErrorCode::compile_failed:
      return TrialStatus::compile_failed;
    case ErrorCode::timeout:
      return TrialStatus::timed_out;
    case ErrorCode::crashed:
      return TrialStatus::crashed;
    case ErrorCode::wrong_result:
      return TrialStatus::wrong_result;
    default:
      return TrialStatus::launch_failed;
  }
}

Error error_of(const Measurement& failed) {
  switch (failed.status) {
    case TrialStatus::illegal:
      return {ErrorCode::unsupported, failed.reason};
    case TrialStatus::compile_failed:
      return {ErrorCode::compile_failed, failed.reason};
    case TrialStatus::timed_out:
      return {ErrorCode::timeout, failed.reason};
    case TrialStatus::crashed:
      return {ErrorCode::crashed, failed.reason};
    case TrialStatus::wrong_result:
      return {ErrorCode::wrong_result, failed.reason};
    default:
      return {ErrorCode::launch_failed, failed.reason};
  }
}

}  // namespace fftconv
